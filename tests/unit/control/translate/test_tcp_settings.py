"""What DestinationRules say of TCP: limits, one endpoint for one caller, tunnels."""

import pytest

from tests.support.mesh import sent

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: db, namespace: default}
spec: {clusterIP: 10.1.0.1, ports: [{name: tcp, port: 90}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: db, namespace: default}
spec:
  host: db
  trafficPolicy: POLICY
  subsets: [{name: v1, labels: {version: v1}, trafficPolicy: SUBSET}]
"""
TO_SUBSET = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: r, namespace: default}
spec: {hosts: [db], tcp: [{route: ROUTES}]}
"""
NOTHING = "{loadBalancer: {simple: LEAST_REQUEST}}"
V1 = "{destination: {host: db, subset: v1}, weight: 50}"


def proxy(policy=NOTHING, subset=NOTHING, routes=None):
    text = SERVICE.replace("POLICY", policy).replace("SUBSET", subset)
    text += TO_SUBSET.replace("ROUTES", routes) if routes else ""
    (chain,) = sent(text)["listeners"]["10.1.0.1_90"]["filter_chains"]
    return chain["filters"][-1]["typed_config"]


def test_limits_of_connections():
    one = proxy("{connectionPool: {tcp: {idleTimeout: 30s, maxConnectionDuration: 1h}}}")
    assert (one["idle_timeout"], one["max_downstream_connection_duration"]) == ("30s", "3600s")
    assert not {"idle_timeout", "max_downstream_connection_duration"} & set(proxy())


SOURCE = "{loadBalancer: {consistentHash: {useSourceIp: true}}}"


def test_one_endpoint_for_one_caller():
    assert proxy(SOURCE)["hash_policy"] == [{"source_ip": {}}]
    assert "hash_policy" not in proxy(NOTHING, SOURCE)
    assert proxy(NOTHING, SOURCE, f"[{V1}]")["hash_policy"] == [{"source_ip": {}}]
    other = "{loadBalancer: {simple: RANDOM}}"
    assert "hash_policy" not in proxy(SOURCE, other, f"[{V1}]")


def tunnel(host, protocol):
    return f"{{tunnel: {{targetHost: '{host}', targetPort: 443, protocol: {protocol}}}}}"


@pytest.mark.parametrize(
    ("host", "protocol", "expected"),
    [
        ("a.com", "CONNECT", {"hostname": "a.com:443"}),
        ("a.com", "POST", {"hostname": "a.com:443", "use_post": True}),
        ("fd00::1", "CONNECT", {"hostname": "[fd00::1]:443"}),
    ],
)
def test_a_tunnel_goes_through_a_proxy(host, protocol, expected):
    assert proxy(tunnel(host, protocol))["tunneling_config"] == expected


def test_a_subset_has_its_own_tunnel_or_none():
    mine, other = tunnel("a.com", "CONNECT"), tunnel("b.com", "CONNECT")
    assert proxy(mine, other, f"[{V1}]")["tunneling_config"]["hostname"] == "b.com:443"
    assert "tunneling_config" not in proxy(mine, NOTHING, f"[{V1}]")
    both = f"[{V1}, {{destination: {{host: db}}, weight: 50}}]"
    assert proxy(mine, other, both)["tunneling_config"]["hostname"] == "a.com:443"


def test_stats_are_of_the_cluster_or_of_the_rule():
    assert proxy()["stat_prefix"] == "outbound|90||db.default.svc.cluster.local"
    one = proxy(routes=f"[{V1}]")
    assert one["stat_prefix"] == "outbound|90|v1|db.default.svc.cluster.local"
    both = f"[{V1}, {{destination: {{host: db}}, weight: 50}}]"
    assert proxy(routes=both)["stat_prefix"] == "r.default"
