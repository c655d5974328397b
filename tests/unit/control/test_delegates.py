"""Virtual services that leave routes to others."""

import pytest

from lateen.control.resources.virtual_service import HttpMatch
from tests.support.mesh import mesh_of, sent, sidecar

SERVICES = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 80}]}
"""


def virtual_service(name, http, hosts="", namespace="shop", more=""):
    written = f"hosts: {hosts}, " if hosts else ""
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{{written}http: [{http}]{more}}}
"""


def root(match="", more="", delegate="{name: leaf, namespace: team}"):
    written = f"match: [{match}], " if match else ""
    return virtual_service("root", f"{{{written}delegate: {delegate}{more}}}", "[a]")


def leaf(match="", more="", export_to=""):
    written = f"match: [{match}], " if match else ""
    http = f"{{{written}route: [{{destination: {{host: b}}}}]{more}}}"
    return virtual_service("leaf", http, namespace="team", more=export_to)


def merged(text):
    (rule,) = mesh_of(text).bound_to("mesh")
    return rule.spec.http


def told(text):
    return [(one.path, one.message) for one in mesh_of(text).delegate_problems]


def test_the_routes_of_the_delegate_are_those_of_the_service():
    table = sent(SERVICES + root() + leaf(), sidecar(namespace="shop"))["routes"]["80"]
    hosts = {one["name"]: one for one in table["virtual_hosts"]}
    (route,) = hosts["a.shop.svc.cluster.local:80"]["routes"]
    # Its short names are those of its own namespace.
    assert route["route"]["cluster"] == "outbound|80||b.team.svc.cluster.local"


def test_what_the_delegate_does_not_say_the_root_does():
    text = root(more=", name: r, timeout: 5s, headers: {request: {set: {x: '1'}}}") + leaf(
        more=", name: l, retries: {attempts: 1}"
    )
    (route,) = merged(text)
    assert (route.name, route.timeout, route.retries.attempts) == ("r-l", 5, 1)
    assert route.headers.request.set == {"x": "1"}
    (own,) = merged(root(more=", timeout: 5s") + leaf(more=", timeout: 1s"))
    assert own.timeout == 1


@pytest.mark.parametrize(
    ("above", "below", "narrower"),
    [
        ("uri: {prefix: /a}", "uri: {prefix: /a/b}", True),
        ("uri: {prefix: /a}", "uri: {exact: /a/b}", True),
        ("uri: {prefix: /a/b}", "uri: {prefix: /a}", False),
        ("uri: {exact: /a}", "uri: {exact: /a}", True),
        ("uri: {exact: /a}", "uri: {prefix: /a}", False),
        ("uri: {regex: '/a.*'}", "uri: {exact: /a}", False),
        ("uri: {prefix: /a}", "uri: {regex: '/a.*'}", False),
        ("uri: {prefix: /a}", "method: {exact: GET}", True),
        ("headers: {x: {exact: a}}", "headers: {x: {exact: b}}", False),
        ("headers: {x: {exact: a}}", "headers: {z: {exact: b}}", True),
        ("port: 80", "port: 81", False),
        ("ignoreUriCase: true, uri: {prefix: /a}", "uri: {prefix: /a}", False),
        ("sourceLabels: {app: a}", "sourceLabels: {app: b}", False),
        ("gateways: [mesh]", "gateways: [mesh, other/gw]", False),
        ("gateways: [shop/gw, mesh]", "gateways: [mesh]", True),
    ],
)
def test_the_delegate_decides_only_what_the_root_leaves_to_it(above, below, narrower):
    text = root(f"{{{above}}}") + leaf(f"{{{below}}}")
    assert len(merged(text)) == narrower
    message = "http[0] of VirtualService team/leaf matches what this route does not"
    assert told(text) == ([] if narrower else [("spec.http[0].delegate", message)])


def test_every_match_of_both_is_combined():
    (route,) = merged(
        root("{uri: {prefix: /a}, headers: {x: {exact: '1'}}, name: one}, {port: 80}")
        + leaf("{uri: {prefix: /a/b}, headers: {z: {exact: '2'}}}, {method: {exact: GET}}")
    )
    assert [(one.name, sorted(one.headers), one.port) for one in route.match] == [
        ("one", ["x", "z"], 0),
        ("", ["z"], 80),
        ("one", ["x"], 0),
        ("", [], 80),
    ]
    (only,) = merged(root("{uri: {prefix: /a}}") + leaf())
    assert only.match[0].uri.prefix == "/a"
    (free,) = merged(root() + leaf("{port: 80}"))
    assert free.match == (HttpMatch(port=80),)


HOSTS = leaf().replace("spec: {", "spec: {hosts: [c], ")


@pytest.mark.parametrize(
    ("delegate", "other", "message"),
    [
        ("{name: leaf, namespace: team}", "", "there is no VirtualService team/leaf without hosts"),
        ("{name: leaf}", leaf(), "there is no VirtualService shop/leaf without hosts"),
        (
            "{name: leaf, namespace: team}",
            HOSTS,
            "there is no VirtualService team/leaf without hosts",
        ),
        (
            "{name: leaf, namespace: team}",
            leaf(export_to=", exportTo: ['.']"),
            "VirtualService team/leaf is not exported to shop",
        ),
    ],
    ids=["none", "own namespace", "hosts", "hidden"],
)
def test_a_delegate_that_cannot_decide_is_told_and_its_route_left_out(delegate, other, message):
    own = "}, {route: [{destination: {host: own}}]"
    text = root(delegate=delegate, more=own) + other
    assert told(text)[0] == ("spec.http[0].delegate", message)
    rule = mesh_of(text).bound_to("mesh")[0]
    assert [one.route[0].destination.host for one in rule.spec.http] == ["own"]
