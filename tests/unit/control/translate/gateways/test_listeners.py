"""What a gateway listens to, and how it tells what comes to it apart."""

import pytest

from tests.support.gateways import GRPC, HTTP, TCP, gateway, https, virtual_service
from tests.support.mesh import router, sent

POLICIES = """\
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: a, namespace: edge}
spec: {selector: {matchLabels: {istio: ingress}}, rules: [{to: [{operation: {ports: ['8080']}}]}]}
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: r, namespace: edge}
spec: {jwtRules: [{issuer: one, jwks: '{"keys": []}'}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: p, namespace: edge}
spec: {mtls: {mode: STRICT}}
"""


def listeners(text, **config):
    return sent(text, router(), **config)["listeners"]


def chains(text, name):
    return listeners(text)[name]["filter_chains"]


def config(chain, position=-1):
    return chain["filters"][position]["typed_config"]


def names(chain):
    return chain.get("filter_chain_match", {}).get("server_names", [])


def test_plain_http_is_one_chain_that_binds():
    (one,) = listeners(gateway(HTTP, GRPC)).values()
    assert (one["name"], one["traffic_direction"]) == ("0.0.0.0_80", "OUTBOUND")
    assert "bind_to_port" not in one
    assert "listener_filters" not in one
    (chain,) = one["filter_chains"]
    assert chain["transport_socket_connect_timeout"] == "15s"
    manager = config(chain)
    assert manager["rds"]["route_config_name"] == "http.80"
    assert manager["stat_prefix"] == "outbound_0.0.0.0_80;"
    assert (manager["use_remote_address"], manager["server_name"]) == (True, "istio-envoy")
    assert manager["forward_client_cert_details"] == "SANITIZE_SET"
    assert manager["set_current_client_cert_details"]["uri"] is True
    assert "xff_num_trusted_hops" not in manager


def test_the_mesh_says_whom_gateways_trust():
    topology = {
        "numTrustedProxies": 2,
        "forwardClientCertDetails": "FORWARD_ONLY",
        "proxyProtocol": {},
    }
    (one,) = listeners(gateway(HTTP), defaultConfig={"gatewayTopology": topology}).values()
    manager = config(one["filter_chains"][0])
    assert manager["xff_num_trusted_hops"] == 2
    assert manager["forward_client_cert_details"] == "FORWARD_ONLY"
    assert "set_current_client_cert_details" not in manager
    (announced,) = one["listener_filters"]
    assert announced["name"] == "envoy.filters.listener.proxy_protocol"


def test_servers_of_tls_are_told_apart_by_name():
    text = gateway(
        https(), https("more", "b.test"), https("all", "*").replace("bind", "name: x, bind")
    )
    (one,) = listeners(text).values()
    (inspector,) = one["listener_filters"]
    assert inspector["name"] == "envoy.filters.listener.tls_inspector"
    assert [names(chain) for chain in one["filter_chains"]] == [["a.test"], ["b.test"], []]
    tables = [config(chain)["rds"]["route_config_name"] for chain in one["filter_chains"]]
    assert tables == [f"https.443.{name}.gw.edge" for name in ("https", "more", "all")]


def test_plain_text_is_told_from_tls_at_one_port():
    plain, _ = chains(gateway(https("all", "*"), HTTP.replace("80", "443")), "0.0.0.0_443")
    assert plain["filter_chain_match"] == {"transport_protocol": "raw_buffer"}


def test_a_named_server_has_statistics_of_its_own():
    named = https().replace("hosts:", "name: shop, hosts:")
    (chain,) = chains(gateway(named), "0.0.0.0_443")
    assert config(chain)["stat_prefix"] == "shop"


def test_a_server_binds_where_it_says():
    text = gateway(HTTP, https(bind="10.0.0.9"))
    assert sorted(listeners(text)) == ["0.0.0.0_80", "10.0.0.9_443"]
    (only,) = sent(gateway(HTTP), router("2001:db8::9"))["listeners"].values()
    assert only["address"]["socket_address"]["address"] == "::"


def test_policies_judge_at_gateways_but_mutual_tls_is_the_servers():
    manager = config(chains(gateway(HTTP) + POLICIES, "0.0.0.0_80")[0])
    filters = [one["name"] for one in manager["http_filters"]]
    assert filters[:2] == ["envoy.filters.http.jwt_authn", "envoy.filters.http.rbac"]
    (chain,) = chains(gateway(HTTP) + POLICIES, "0.0.0.0_80")
    assert "transport_socket" not in chain


def tcp_rule(match="", route="{destination: {host: a, port: {number: 90}}}", hosts="['*']"):
    written = f"match: [{match}], " if match else ""
    return virtual_service(hosts=hosts, more=f", tcp: [{{{written}route: [{route}]}}]")


DB = "outbound|90||a.shop.svc.cluster.local"


def test_connections_go_to_the_first_route():
    (chain,) = chains(gateway(TCP) + tcp_rule() + POLICIES, "0.0.0.0_80")
    assert [one["name"].rpartition(".")[2] for one in chain["filters"]] == ["rbac", "tcp_proxy"]
    assert (config(chain)["cluster"], config(chain)["stat_prefix"]) == (DB, DB)


def test_rules_limit_connections():
    limits = """\
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {clusterIP: 10.1.0.1, ports: [{name: tcp, port: 90}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a, namespace: shop}
spec: {host: a, trafficPolicy: {connectionPool: {tcp: {idleTimeout: 5s}}}}
"""
    (chain,) = chains(gateway(TCP) + tcp_rule() + limits, "0.0.0.0_80")
    assert config(chain)["idle_timeout"] == "5s"


def test_connections_may_have_weights():
    route = "{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 3}"
    (chain,) = chains(gateway(TCP) + tcp_rule(route=route), "0.0.0.0_80")
    weighted = config(chain)["weighted_clusters"]["clusters"]
    assert [(one["name"], one["weight"]) for one in weighted] == [
        ("outbound|80||a.shop.svc.cluster.local", 1),
        ("outbound|80||b.shop.svc.cluster.local", 3),
    ]
    assert config(chain)["stat_prefix"] == "vs.shop"


@pytest.mark.parametrize(
    ("match", "there"),
    [
        ("{port: 80}", True),
        ("{port: 81}", False),
        ("{gateways: [edge/gw]}", True),
        ("{gateways: [mesh]}", False),
        ("{gateways: [mesh]}, {port: 80}", True),
    ],
)
def test_routes_of_connections_may_be_for_ports_and_gateways(match, there):
    assert bool(listeners(gateway(TCP) + tcp_rule(match))) is there


def test_without_a_route_there_is_no_listener_for_connections():
    assert listeners(gateway(TCP)) == {}
    assert listeners(gateway(TCP.replace("'*'", "edge/*")) + tcp_rule()) == {}


def test_tls_may_end_before_connections_are_passed_on():
    server = https(protocol="TLS")
    (chain,) = chains(gateway(server) + tcp_rule(hosts="[a.test]"), "0.0.0.0_443")
    assert names(chain) == ["a.test"]
    assert config(chain)["cluster"] == DB
    assert chain["transport_socket"]["name"] == "envoy.transport_sockets.tls"


PASSED = https(host="*.test", mode="PASSTHROUGH", protocol="TLS")


def tls_rule(*routes, hosts="['*.test']"):
    return virtual_service(hosts=hosts, more=f", tls: [{', '.join(routes)}]")


def by_name(name, host):
    return f"{{match: [{{sniHosts: [{name}]}}], route: [{{destination: {{host: {host}}}}}]}}"


def test_tls_is_passed_on_by_its_name():
    text = gateway(PASSED) + tls_rule(by_name("x.test, w.test", "a"), by_name("'*.test'", "b"))
    first, second = chains(text, "0.0.0.0_443")
    assert (names(first), config(first)["cluster"]) == (
        ["w.test", "x.test"],
        "outbound|443||a.shop.svc.cluster.local",
    )
    assert names(second) == ["*.test"]
    assert "transport_socket" not in first


def test_of_two_routes_for_a_name_the_first_counts():
    text = gateway(PASSED) + tls_rule(by_name("x.test", "a"), by_name("x.test, y.test", "b"))
    assert [names(one) for one in chains(text, "0.0.0.0_443")] == [["x.test"], ["y.test"]]


def test_a_name_that_ends_here_is_not_passed_on():
    ends = https("ends", "x.test")
    text = gateway(ends, PASSED) + tls_rule(by_name("x.test, y.test", "b"))
    assert [names(one) for one in chains(text, "0.0.0.0_443")] == [["x.test"], ["y.test"]]
