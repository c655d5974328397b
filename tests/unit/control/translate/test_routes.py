import pytest

from lateen.control.resources.traffic import StringMatch
from lateen.control.resources.virtual_service import HttpMatch
from lateen.control.translate.routes.matching import route_match
from lateen.control.translate.routes.tables import is_table
from tests.support.mesh import sent, sidecar

SERVICES = """\
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: default}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: ratings, namespace: default}
spec: {clusterIP: 10.1.0.2, ports: [{name: http, port: 80}, {name: grpc, port: 90}]}
"""
REVIEWS = "reviews.default.svc.cluster.local"
RATINGS = "ratings.default.svc.cluster.local"


def service(http, hosts="[reviews]", more="", name="vs"):
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: default}}
spec: {{hosts: {hosts}, http: [{http}]{more}}}
"""


TO_V1 = "route: [{destination: {host: reviews, subset: v1}}]"


def table(text, name="80", proxy=None, **config):
    return sent(text, proxy, **config)["routes"][name]


def hosts(text, *arguments, **config):
    return {one["name"]: one for one in table(text, *arguments, **config)["virtual_hosts"]}


def routes(http, **config):
    return hosts(SERVICES + service(http), **config)[f"{REVIEWS}:80"]["routes"]


def route(http, **config):
    return routes(http, **config)[0]


def test_a_service_has_its_names_and_its_cluster():
    found = hosts(SERVICES)
    assert found[f"{REVIEWS}:80"]["domains"] == [
        REVIEWS,
        f"{REVIEWS}.",
        "reviews",
        "reviews.default.svc",
        "reviews.default",
        "10.1.0.1",
    ]
    (one,) = found[f"{REVIEWS}:80"]["routes"]
    assert (one["name"], one["route"]["cluster"]) == ("default", f"outbound|80||{REVIEWS}")
    assert one["route"]["timeout"] == "0s"
    assert one["route"]["retry_policy"]["num_retries"] == 2


def alias(name, of, namespace="other"):
    return f"""\
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{type: ExternalName, externalName: {of}, ports: [{{name: http, port: 80}}]}}
"""


def test_an_alias_is_another_name_with_the_same_rules():
    more = alias("reviews", REVIEWS) + alias("again", "reviews.other.svc.cluster.local", "third")
    found = hosts(SERVICES + more + service(f"{{timeout: 3s, {TO_V1}}}"))[f"{REVIEWS}:80"]
    assert found["routes"][0]["route"]["timeout"] == "3s"
    domains = found["domains"]
    for name in ("again.third", "reviews.other"):
        for one in (f"{name}.svc.cluster.local", f"{name}.svc.cluster.local.", f"{name}.svc", name):
            assert domains.count(one) == 1
    assert "reviews.default" in domains


@pytest.mark.parametrize(
    "target", ["nobody.default.svc.cluster.local", "a.other.svc.cluster.local"]
)
def test_an_alias_of_nothing_or_of_itself_is_none(target):
    assert set(hosts(SERVICES + alias("a", target))) == {
        f"{REVIEWS}:80",
        f"{RATINGS}:80",
        "allow_any",
    }


def test_a_bare_name_is_for_the_same_namespace_alone():
    found = hosts(SERVICES, "80", sidecar(namespace="other"))
    domains = found[f"{REVIEWS}:80"]["domains"]
    assert "reviews" not in domains
    assert "reviews.default" in domains


def test_every_port_has_a_table():
    found = sent(SERVICES)["routes"]
    assert set(found) == {"80", "90"}
    assert [one["name"] for one in found["90"]["virtual_hosts"]] == [f"{RATINGS}:90", "allow_any"]


@pytest.mark.parametrize(
    ("mode", "name", "action"),
    [
        ("ALLOW_ANY", "allow_any", {"cluster": "PassthroughCluster"}),
        ("REGISTRY_ONLY", "block_all", {"status": 502}),
    ],
)
def test_hosts_that_nobody_knows(mode, name, action):
    found = hosts(SERVICES, outboundTrafficPolicy={"mode": mode})[name]
    (one,) = found["routes"]
    assert found["domains"] == ["*"]
    told = one.get("route") or one["direct_response"]
    assert action.items() <= told.items()


def test_a_port_whose_protocol_is_not_known_has_a_table_of_its_own():
    text = SERVICES.replace("name: http, port: 80}]}\n---", "name: web, port: 80}]}\n---")
    found = table(text, f"{REVIEWS}:80")
    (one,) = found["virtual_hosts"]
    assert one["domains"] == ["*"]
    assert f"{REVIEWS}:80" in {each["name"] for each in table(text)["virtual_hosts"]}


def test_subset_port_and_weights():
    weighted = (
        "{route: [{destination: {host: reviews, subset: v1}, weight: 90}, "
        "{destination: {host: ratings, port: {number: 90}}, weight: 10}, "
        "{destination: {host: ratings}, weight: 0}]}"
    )
    clusters = route(weighted)["route"]["weighted_clusters"]["clusters"]
    assert [(one["name"], one["weight"]) for one in clusters] == [
        (f"outbound|80|v1|{REVIEWS}", 90),
        (f"outbound|90||{RATINGS}", 10),
    ]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("uri: {exact: /a}", {"path": "/a", "case_sensitive": True}),
        ("uri: {prefix: /a}, ignoreUriCase: true", {"prefix": "/a", "case_sensitive": False}),
        ("uri: {regex: '/a.*'}", {"safe_regex": {"regex": "/a.*"}}),
        (
            "headers: {x: {exact: v}, a: {}}",
            {
                "headers": [
                    {"name": "a", "present_match": True},
                    {"name": "x", "string_match": {"exact": "v"}},
                ]
            },
        ),
        (
            "withoutHeaders: {x: {prefix: v}}",
            {
                "headers": [
                    {
                        "name": "x",
                        "string_match": {"prefix": "v"},
                        "invert_match": True,
                        "treat_missing_header_as_empty": True,
                    }
                ]
            },
        ),
        (
            "method: {exact: GET}",
            {"headers": [{"name": ":method", "string_match": {"exact": "GET"}}]},
        ),
        (
            "queryParams: {q: {exact: '1'}}",
            {"query_parameters": [{"name": "q", "string_match": {"exact": "1"}}]},
        ),
    ],
)
def test_matches(match, expected):
    found = route(f"{{match: [{{{match}}}], {TO_V1}}}")["match"]
    assert {name: found.get(name) for name in expected} == expected


def test_a_claim_of_the_token_is_metadata():
    match = HttpMatch(headers={"@request.auth.claims.a.b": StringMatch(exact="c")})
    (one,) = route_match(match).dynamic_metadata
    assert one.filter == "envoy.filters.http.jwt_authn"
    assert [step.key for step in one.path] == ["payload", "a", "b"]


def test_routes_end_with_one_that_takes_everything():
    first = f"{{name: a, match: [{{uri: {{prefix: /a}}}}], {TO_V1}}}"
    found = routes(f"{first}, {{name: b, {TO_V1}}}, {{name: c, {TO_V1}}}")
    assert [one["name"] for one in found] == ["a", "b"]


def test_a_match_may_be_for_another_port_gateway_or_workload():
    for match in (
        "port: 81",
        "gateways: [edge]",
        "sourceLabels: {app: x}",
        "sourceNamespace: other",
    ):
        found = hosts(SERVICES + service(f"{{match: [{{{match}}}], {TO_V1}}}"))
        assert found[f"{REVIEWS}:80"]["routes"][0]["name"] == "default"
    with_labels = service(f"{{name: mine, match: [{{sourceLabels: {{app: x}}}}], {TO_V1}}}")
    found = hosts(SERVICES + with_labels, "80", sidecar(labels={"app": "x"}))
    assert found[f"{REVIEWS}:80"]["routes"][0]["name"] == "mine"


@pytest.mark.parametrize(
    ("redirect", "expected"),
    [
        ("{uri: /b}", {"path_redirect": "/b"}),
        ("{prefixRewrite: /b}", {"prefix_rewrite": "/b"}),
        (
            "{authority: a.com, redirectCode: 302}",
            {"host_redirect": "a.com", "response_code": "FOUND"},
        ),
        ("{scheme: https, port: 443}", {"scheme_redirect": "https", "port_redirect": None}),
        ("{scheme: https, port: 8443}", {"port_redirect": 8443}),
        ("{derivePort: FROM_REQUEST_PORT}", {"port_redirect": None}),
    ],
)
def test_redirects(redirect, expected):
    found = route(f"{{redirect: {redirect}}}")["redirect"]
    assert {name: found.get(name) for name in expected} == expected


def test_direct_responses():
    assert route("{directResponse: {status: 418, body: {string: tea}}}")["direct_response"] == {
        "status": 418,
        "body": {"inline_string": "tea"},
    }


def test_rewrites_and_headers():
    http = (
        "{rewrite: {uri: /b, authority: new}, headers: {request: {set: {x: v}, "
        "remove: [z]}, response: {add: {r: s}}}, " + TO_V1 + "}"
    )
    found = route(http)
    assert (found["route"]["prefix_rewrite"], found["route"]["host_rewrite_literal"]) == (
        "/b",
        "new",
    )
    assert found["request_headers_to_add"] == [
        {"header": {"key": "x", "value": "v"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    ]
    assert found["request_headers_to_remove"] == ["z"]
    assert found["response_headers_to_add"][0]["header"] == {"key": "r", "value": "s"}


def test_timeouts_and_retries():
    http = (
        "{timeout: 3s, retries: {attempts: 4, perTryTimeout: 1s, retryOn: '5xx,503', "
        "retryRemoteLocalities: true, backoff: 50ms}, " + TO_V1 + "}"
    )
    found = route(http)["route"]
    assert (found["timeout"], found["max_grpc_timeout"]) == ("3s", "3s")
    # With it Envoy would ignore `timeout`.
    assert "max_stream_duration" not in found
    policy = found["retry_policy"]
    assert (policy["num_retries"], policy["per_try_timeout"]) == (4, "1s")
    assert policy["retry_on"] == "5xx,retriable-status-codes"
    assert policy["retriable_status_codes"] == [503]
    assert policy["retry_priority"]["name"] == "envoy.retry_priorities.previous_priorities"
    assert policy["retry_back_off"] == {"base_interval": "0.050s"}
    assert "retry_policy" not in route(f"{{retries: {{attempts: 0}}, {TO_V1}}}")["route"]


def test_mirrors():
    http = "{mirror: {host: ratings}, mirrorPercentage: {value: 12.5}, " + TO_V1 + "}"
    (first,) = route(http)["route"]["request_mirror_policies"]
    http = (
        "{mirrors: [{destination: {host: ratings, port: {number: 90}}}, "
        "{destination: {host: ratings}, percentage: {value: 0}}], " + TO_V1 + "}"
    )
    (second,) = route(http)["route"]["request_mirror_policies"]
    assert first["cluster"] == f"outbound|80||{RATINGS}"
    assert first["runtime_fraction"]["default_value"] == {
        "numerator": 125000,
        "denominator": "MILLION",
    }
    assert second["cluster"] == f"outbound|90||{RATINGS}"
    assert second["runtime_fraction"]["default_value"] == {"numerator": 100}


def test_faults():
    http = (
        "{fault: {delay: {fixedDelay: 2s, percentage: {value: 1}}, "
        "abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}, " + TO_V1 + "}"
    )
    found = route(http)["typed_per_filter_config"]["envoy.filters.http.fault"]
    assert found["delay"]["fixed_delay"] == "2s"
    assert found["abort"]["grpc_status"] == 14


def test_cors():
    http = (
        "{corsPolicy: {allowOrigins: [{exact: a}], maxAge: 24h, allowMethods: [GET, PUT]}, "
        + TO_V1
        + "}"
    )
    found = route(http)["typed_per_filter_config"]["envoy.filters.http.cors"]
    assert found["allow_origin_string_match"] == [{"exact": "a"}]
    assert (found["max_age"], found["allow_methods"]) == ("86400", "GET,PUT")


def test_a_hash_of_the_destinations_rule_decides_the_host():
    rule = """\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: d, namespace: default}
spec: {host: reviews, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: user}}}}
"""
    plain = hosts(SERVICES + rule)[f"{REVIEWS}:80"]["routes"][0]["route"]
    assert plain["hash_policy"] == [{"header": {"header_name": "user"}}]
    routed = hosts(SERVICES + rule + service(f"{{{TO_V1}}}"))[f"{REVIEWS}:80"]["routes"][0]["route"]
    assert routed["hash_policy"] == [{"header": {"header_name": "user"}}]
    assert "retry_host_predicate" not in routed["retry_policy"]


def test_a_host_without_a_service_is_routed_at_port_80():
    text = SERVICES + service(f"{{{TO_V1}}}", "[a.com]")
    assert hosts(text)["a.com:80"]["domains"] == ["a.com"]
    assert "a.com:90" not in hosts(text, "90")


def test_a_virtual_service_of_gateways_alone_is_none_of_sidecars():
    text = SERVICES + service(f"{{name: edge, {TO_V1}}}", more=", gateways: [edge]")
    assert hosts(text)[f"{REVIEWS}:80"]["routes"][0]["name"] == "default"


def test_of_two_for_one_host_the_older_counts():
    text = SERVICES + service(f"{{name: one, {TO_V1}}}", name="a")
    text += service(f"{{name: two, {TO_V1}}}", name="b")
    assert hosts(text)[f"{REVIEWS}:80"]["routes"][0]["name"] == "one"


@pytest.mark.parametrize("name", ["²", "a:²", "9" * 5000])
def test_a_name_without_a_port_is_that_of_no_table(name):
    assert not is_table(name)
