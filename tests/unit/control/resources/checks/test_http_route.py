import pytest

from tests.support.manifests import checked

TO = "route: [{destination: {host: a}}]"


def found(route, hosts="hosts: [a], "):
    problems = checked("VirtualService", f"{{{hosts}http: [{route}]}}")
    return [one.replace("spec.http[0]", "") for one in problems]


@pytest.mark.parametrize(
    "route",
    [
        "{redirect: {uri: /b}}",
        "{redirect: {prefixRewrite: /b}, match: [{uri: {prefix: /a}}]}",
        "{redirect: {derivePort: FROM_REQUEST_PORT}}",
        "{directResponse: {status: 503, body: {string: x}}}",
        "{delegate: {name: other}}",
        f"{{match: [{{uri: {{prefix: ''}}, headers: {{a: {{}}, "
        f"':path': {{regex: '/.*'}}}}}}], {TO}}}",
        f"{{match: [{{withoutHeaders: {{a: {{regex: '*'}}}}}}], {TO}}}",
        f"{{match: [{{uri: {{regex: '(?i)\\pL+\\z|[[:alpha:]]'}}}}], {TO}}}",
        f"{{retries: {{attempts: 1, retryOn: '5xx,503,cancelled', perTryTimeout: 2s}}, {TO}}}",
        f"{{rewrite: {{uriRegexRewrite: {{match: '^/a/(.*)', rewrite: '/\\\\1'}}}}, {TO}}}",
        f"{{headers: {{request: {{set: {{':authority': b, "
        f"x: 'a%%b %REQ(y)% %START_TIME%'}}}}}}, {TO}}}",
        f"{{fault: {{delay: {{fixedDelay: 1s, percentage: {{value: 0.0001}}}}}}, {TO}}}",
        f"{{corsPolicy: {{allowOrigins: [{{exact: x}}], allowMethods: [GET, '*'], "
        f"allowHeaders: ['*', x-a], maxAge: 2s}}, {TO}}}",
        "{route: [{destination: {host: a}, weight: 1}, {destination: {host: b}}]}",
        f"{{mirrors: [{{destination: {{host: b}}, percentage: {{value: 3}}}}], {TO}}}",
    ],
)
def test_what_is_right(route):
    assert found(route) == []


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("{}", ["error "]),
        (f"{{redirect: {{uri: /b}}, {TO}}}", ["error .route"]),
        ("{redirect: {uri: /b}, rewrite: {uri: /c}}", ["error .rewrite"]),
        ("{redirect: {uri: /b}, fault: {abort: {httpStatus: 500}}}", ["error .fault"]),
        ("{redirect: {uri: /b}, directResponse: {status: 200}}", ["error "]),
        (f"{{directResponse: {{status: 200}}, {TO}}}", ["error .route"]),
        ("{directResponse: {status: 200}, rewrite: {uri: /c}}", ["error .rewrite"]),
        (f"{{delegate: {{name: x}}, {TO}}}", ["error "]),
        ("{delegate: {name: x}, redirect: {uri: /b}}", ["error "]),
        (f"{{mirror: {{host: b}}, mirrors: [{{destination: {{host: b}}}}], {TO}}}", ["error "]),
        (f"{{mirrorPercent: 101, {TO}}}", ["error .mirrorPercent", "warning .mirrorPercent"]),
        (f"{{mirrorPercentage: {{value: -1}}, {TO}}}", ["error .mirrorPercentage.value"]),
        (f"{{mirror: {{host: '*'}}, {TO}}}", ["error .mirror.host"]),
        (
            f"{{mirrors: [{{destination: {{host: b}}, percentage: {{value: 101}}}}], {TO}}}",
            ["error .mirrors[0].percentage.value"],
        ),
        ("{redirect: {uri: /b, prefixRewrite: /c}}", ["error .redirect"]),
        (
            "{redirect: {prefixRewrite: /b}, match: [{uri: {exact: /a}}]}",
            ["error .redirect.prefixRewrite"],
        ),
        ("{redirect: {redirectCode: 302}}", ["error .redirect"]),
        ("{redirect: {uri: /b, redirectCode: 200}}", ["error .redirect.redirectCode"]),
        ("{redirect: {uri: /b, redirectCode: 304}}", ["error .redirect.redirectCode"]),
        ("{redirect: {scheme: ftp}}", ["error .redirect.scheme"]),
        ("{redirect: {port: 70000}}", ["error .redirect.port"]),
        ("{redirect: {port: 80, derivePort: FROM_REQUEST_PORT}}", ["error .redirect"]),
        ("{directResponse: {status: 100}}", ["error .directResponse.status"]),
        (
            "{directResponse: {status: 200, body: {bytes: plain}}}",
            ["error .directResponse.body.bytes"],
        ),
        (
            "{directResponse: {status: 200, body: {string: a, bytes: Yg==}}}",
            ["error .directResponse.body"],
        ),
        (
            f"{{directResponse: {{status: 200, body: {{string: {'a' * 102401}}}}}}}",
            ["warning .directResponse.body"],
        ),
        (
            f"{{directResponse: {{status: 200, body: {{string: {'a' * 1048577}}}}}}}",
            ["error .directResponse.body"],
        ),
        (f"{{retries: {{attempts: -1}}, {TO}}}", ["error .retries.attempts"]),
        (f"{{retries: {{retryOn: 5xx}}, {TO}}}", ["error .retries"]),
        (f"{{retries: {{attempts: 1, retryOn: '5xx, 503'}}, {TO}}}", ["error .retries.retryOn"]),
        (
            f"{{retries: {{attempts: 1, perTryTimeout: 0s}}, {TO}}}",
            ["error .retries.perTryTimeout"],
        ),
        (f"{{retries: {{attempts: 1, backoff: 1us}}, {TO}}}", ["error .retries.backoff"]),
        (f"{{timeout: 0s, {TO}}}", ["error .timeout"]),
        (f"{{timeout: 1500us, {TO}}}", ["error .timeout"]),
        (f"{{rewrite: {{}}, {TO}}}", ["error .rewrite"]),
        (
            f"{{rewrite: {{uri: /a, uriRegexRewrite: {{match: a, rewrite: b}}}}, {TO}}}",
            ["error .rewrite"],
        ),
        (
            f"{{rewrite: {{uriRegexRewrite: {{match: a}}}}, {TO}}}",
            ["error .rewrite.uriRegexRewrite"],
        ),
        (
            f"{{rewrite: {{authority: b}}, headers: {{request: {{set: {{Host: c}}}}}}, {TO}}}",
            ["error "],
        ),
        (f"{{match: [{{uri: {{exact: a, prefix: b}}}}], {TO}}}", ["error .match[0].uri"]),
        (f"{{match: [{{uri: {{regex: '('}}}}], {TO}}}", ["error .match[0].uri.regex"]),
        (f"{{match: [{{uri: {{regex: '(?=a)'}}}}], {TO}}}", ["error .match[0].uri.regex"]),
        (f"{{match: [{{uri: {{regex: '(a)\\1'}}}}], {TO}}}", ["error .match[0].uri.regex"]),
        (f"{{match: [{{uri: {{regex: '{'a' * 1025}'}}}}], {TO}}}", ["error .match[0].uri.regex"]),
        (f"{{match: [{{method: {{prefix: ''}}}}], {TO}}}", ["error .match[0].method.prefix"]),
        (f"{{match: [{{authority: {{regex: ''}}}}], {TO}}}", ["error .match[0].authority.regex"]),
        (f"{{match: [{{headers: {{'a b': {{}}}}}}], {TO}}}", ["error .match[0].headers.a b"]),
        (f"{{match: [{{headers: {{':x': {{}}}}}}], {TO}}}", ["error .match[0].headers.:x"]),
        (
            f"{{match: [{{queryParams: {{a: {{prefix: ''}}}}}}], {TO}}}",
            ["error .match[0].queryParams.a.prefix"],
        ),
        (f"{{match: [{{port: 70000}}], {TO}}}", ["error .match[0].port"]),
        (f"{{match: [{{port: -1}}], {TO}}}", ["error .match[0].port"]),
        (f"{{match: [{{gateways: [a_b]}}], {TO}}}", ["error .match[0].gateways[0]"]),
        (f"{{match: [{{sourceNamespace: a.b}}], {TO}}}", ["error .match[0].sourceNamespace"]),
        (f"{{match: [{{sourceLabels: {{'-a': b}}}}], {TO}}}", ["error .match[0].sourceLabels.-a"]),
        (f"{{match: [{{sourceLabels: {{a: '-'}}}}], {TO}}}", ["error .match[0].sourceLabels.a"]),
        (
            f"{{headers: {{request: {{set: {{':path': b}}}}}}, {TO}}}",
            ["error .headers.request.set.:path"],
        ),
        (
            f"{{headers: {{request: {{remove: [Host]}}}}, {TO}}}",
            ["error .headers.request.remove[0]"],
        ),
        (
            f"{{headers: {{response: {{add: {{host: b}}}}}}, {TO}}}",
            ["error .headers.response.add.host"],
        ),
        (
            f"{{headers: {{response: {{set: {{x: 'abc%123'}}}}}}, {TO}}}",
            ["error .headers.response.set.x"],
        ),
        (
            f"{{headers: {{response: {{set: {{x: '{'%a(' * 50_000}'}}}}}}, {TO}}}",
            ["error .headers.response.set.x"],
        ),
        (
            f'{{headers: {{response: {{set: {{x: "a\\u0001"}}}}}}, {TO}}}',
            ["error .headers.response.set.x"],
        ),
        (
            "{route: [{destination: {host: a}, headers: {request: {add: {'': b}}}}]}",
            ["error .route[0].headers.request.add."],
        ),
        ("{route: [{destination: {host: a}, weight: -1}]}", ["error .route[0].weight"]),
        ("{route: [{destination: {host: a}}, {destination: {host: b}}]}", ["error .route"]),
        (
            "{route: [{destination: {host: a, subset: a_b}}]}",
            ["error .route[0].destination.subset"],
        ),
        (
            "{route: [{destination: {host: a, port: {number: 0}}}]}",
            ["error .route[0].destination.port.number"],
        ),
        ("{route: [{}]}", ["error .route[0]"]),
        (f"{{fault: {{}}, {TO}}}", ["error .fault"]),
        (
            f"{{fault: {{abort: {{httpStatus: 700}}}}, {TO}}}",
            ["error .fault.abort.httpStatus"],
        ),
        (
            f"{{fault: {{abort: {{grpcStatus: NO}}}}, {TO}}}",
            ["error .fault.abort.grpcStatus"],
        ),
        (
            f"{{fault: {{abort: {{http2Error: X}}}}, {TO}}}",
            ["error .fault.abort.http2Error"],
        ),
        (f"{{fault: {{abort: {{}}}}, {TO}}}", ["warning .fault.abort"]),
        (
            f"{{fault: {{abort: {{httpStatus: 500, grpcStatus: OK}}}}, {TO}}}",
            ["error .fault.abort"],
        ),
        (
            f"{{fault: {{delay: {{fixedDelay: 1s, percentage: {{value: 0.00001}}}}}}, {TO}}}",
            ["error .fault.delay.percentage.value"],
        ),
        (
            f"{{fault: {{delay: {{exponentialDelay: 1s}}}}, {TO}}}",
            ["error .fault.delay.exponentialDelay"],
        ),
        (f"{{corsPolicy: {{allowOrigins: [{{}}]}}, {TO}}}", ["error .corsPolicy.allowOrigins[0]"]),
        (
            f"{{corsPolicy: {{allowOrigins: [{{regex: '('}}]}}, {TO}}}",
            ["error .corsPolicy.allowOrigins[0].regex"],
        ),
        (f"{{corsPolicy: {{allowMethods: [get]}}, {TO}}}", ["error .corsPolicy.allowMethods[0]"]),
        (f"{{corsPolicy: {{allowHeaders: ['a b']}}, {TO}}}", ["error .corsPolicy.allowHeaders[0]"]),
        (f"{{corsPolicy: {{exposeHeaders: ['']}}, {TO}}}", ["error .corsPolicy.exposeHeaders[0]"]),
        (f"{{corsPolicy: {{maxAge: 1500ms}}, {TO}}}", ["error .corsPolicy.maxAge"]),
    ],
)
def test_what_is_wrong(route, expected):
    assert found(route) == expected


def test_what_was_delegated_is_not_delegated_again():
    assert found("{delegate: {name: x}}", hosts="") == ["error .delegate", "error "]
