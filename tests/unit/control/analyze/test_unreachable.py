import pytest

from tests.support.analysis import manifest, messages

ANALYZER = "schema.ValidationAnalyzer"
TO = "route: [{destination: {host: a}}]"


def codes(routes):
    text = manifest("VirtualService", "v", f"{{hosts: [v], {routes}}}")
    return [one.type.code for one in messages(ANALYZER, text)]


def match(text):
    return f"{{match: [{text}], {TO}}}"


A = match("{uri: {prefix: /a}}")
ALL = f"{{{TO}}}"


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (f"http: [{A}, {ALL}]", []),
        (f"http: [{ALL}, {ALL}]", ["IST0130"]),
        (f"http: [{ALL}, {A}]", ["IST0130"]),
        (f"http: [{A}, {A}]", ["IST0130", "IST0131"]),
        (f"http: [{A}, {match('{name: x, uri: {prefix: /a}}')}]", ["IST0130", "IST0131"]),
        (f"http: [{A}, {match('{uri: {prefix: /a}}, {uri: {exact: /b}}')}]", ["IST0131"]),
        (f"http: [{match('{uri: {exact: /b}}, {uri: {exact: /b}}')}]", ["IST0131"]),
        (f"http: [{A}, {match('{uri: {prefix: /ab}}')}]", ["IST0131"]),
        (f"http: [{match('{uri: {prefix: /ab}}')}, {A}]", []),
        (f"http: [{A}, {match('{uri: {prefix: /ab}, port: 80}')}]", []),
        (f"http: [{A}, {match('{uri: {prefix: /ab}, headers: {x: {exact: yes-it-is}}}')}]", []),
        (f"http: [{A}, {match('{uri: {prefix: /ab}, method: {exact: POST}}')}]", []),
        (f"http: [{A}, {match('{uri: {prefix: /ab}, method: {exact: GET}}')}]", ["IST0131"]),
        (f"http: [{A}, {match('{uri: {exact: /ab}}')}]", []),
        (f"tcp: [{ALL}, {match('{port: 80}')}]", ["IST0130"]),
        (f"tcp: [{match('{port: 80}')}, {match('{port: 80}')}]", ["IST0130", "IST0131"]),
        (f"tls: [{match('{sniHosts: [v]}')}, {match('{sniHosts: [v]}')}]", ["IST0130", "IST0131"]),
        (f"tls: [{match('{sniHosts: [v]}')}, {match('{sniHosts: [v], port: 1}')}]", []),
    ],
)
def test_routes_that_are_never_used(routes, expected):
    assert codes(routes) == expected


def test_routes_and_matches_are_named():
    first = f"{{name: one, match: [{{name: m, uri: {{prefix: /a}}}}], {TO}}}"
    text = manifest("VirtualService", "v", f"{{hosts: [v], http: [{first}, {A}]}}")
    assert [one.text for one in messages(ANALYZER, text)] == [
        "Route #1 is not used: those before it have its matches",
        'Match #0 of route #1 is already in route "one"',
    ]
