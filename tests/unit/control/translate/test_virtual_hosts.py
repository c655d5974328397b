"""Which VirtualService is a service's, and which names a virtual host has."""

from tests.support.mesh import sent, sidecar

SERVICES = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 80}, {name: http-more, port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: default}
spec: {clusterIP: 10.1.0.2, ports: [{name: http, port: 80}]}
"""
A, B = "a.default.svc.cluster.local", "b.default.svc.cluster.local"


def rule(name, hosts, more="", namespace="default", created="2020", match=""):
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {name}
  namespace: {namespace}
  creationTimestamp: '{created}-01-01T00:00:00Z'
spec:
  hosts: {hosts}
  http: [{{{match}route: [{{destination: {{host: {name}.to}}}}]}}]
  {more}
"""


def chosen(text, port=80, proxy=None):
    """The host that each virtual host leads to."""
    hosts = sent(SERVICES + text, proxy)["routes"][str(port)]["virtual_hosts"]
    return {
        one["name"].rpartition(":")[0]: one["routes"][0]["route"]["cluster"].rpartition("|")[2]
        for one in hosts
        if ":" in one["name"]
    }


def test_a_name_goes_before_a_wildcard_that_is_older():
    text = rule("wide", "['*.local']", created="2019") + rule("own", "[a]")
    assert chosen(text) == {A: "own.to", B: "wide.to"}


def test_the_longest_wildcard_is_a_services():
    text = rule("wide", "['*.local']", created="2019") + rule(
        "narrow", "['*.default.svc.cluster.local']"
    )
    assert chosen(text) == {A: "narrow.to", B: "narrow.to"}


def test_of_two_rules_the_older_counts_and_nothing_of_the_other():
    text = rule("old", "[a]", created="2019", match="match: [{uri: {exact: /x}}], ") + rule(
        "new", "[a]"
    )
    assert chosen(text)[A] == "old.to"
    hosts = sent(SERVICES + text)["routes"]["80"]["virtual_hosts"]
    (routes,) = [one["routes"] for one in hosts if one["name"] == f"{A}:80"]
    assert len(routes) == 1


def test_a_rule_that_says_nothing_for_the_caller_leaves_the_next():
    other = "match: [{sourceNamespace: far}], "
    text = rule("old", "[a]", created="2019", match=other) + rule("new", "[a]")
    assert chosen(text)[A] == "new.to"
    assert chosen(text, proxy=sidecar(namespace="far"))[A] == "old.to"


def test_what_a_namespace_keeps_to_itself_counts_before_what_is_older():
    text = rule("public", f"[{A}]", namespace="far", created="2019") + rule(
        "private", "[a]", "exportTo: ['.']"
    )
    assert chosen(text)[A] == "private.to"
    assert chosen(text, proxy=sidecar(namespace="other"))[A] == "public.to"


def test_other_hosts_of_a_rule_are_at_the_ports_of_its_services():
    found = chosen(rule("r", "[a, shop.com]"), 8080)
    assert found == {A: "r.to", "shop.com": "r.to"}
    assert "shop.com" not in chosen(rule("r", "[b, shop.com]"), 8080)


def test_a_short_name_that_is_another_services_full_name_is_not_taken():
    entry = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: e, namespace: default, creationTimestamp: '2024-01-01T00:00:00Z'}
spec:
  hosts: [a.default]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: DNS
"""
    hosts = sent(SERVICES + entry)["routes"]["80"]["virtual_hosts"]
    told = {one["name"]: one["domains"] for one in hosts}
    assert "a.default" in told["a.default:80"]
    assert "a.default" not in told[f"{A}:80"]
