"""What Sidecars and modes of interception do to the listeners, clusters and tables of a proxy."""

import pytest

from lateen.control.model.proxy import Interception
from tests.support.mesh import sent, sidecar

SERVICES = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default}
spec:
  clusterIP: 10.1.0.1
  selector: {app: app}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp, port: 90, targetPort: 9090}]
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: far}
spec: {clusterIP: 10.1.0.2, ports: [{name: http, port: 81}, {name: db, port: 91}]}
---
apiVersion: v1
kind: Pod
metadata: {name: app-1, namespace: default, labels: {app: app}}
spec: {containers: []}
status: {podIP: 10.0.0.1}
"""
A, B = "a.default.svc.cluster.local", "b.far.svc.cluster.local"
OPEN = """\
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: DISABLE}}
"""


def resource(spec):
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: mine, namespace: default}}
spec: {spec}
"""


def made(text="", mode=Interception.REDIRECT, address="10.0.0.1", **config):
    proxy = sidecar(address, labels={"app": "app"}, interception=mode)
    return sent(SERVICES + text, proxy, **config)


def config(chain, position=-1):
    return chain["filters"][position]["typed_config"]


def place(listener):
    address = listener["address"]
    if "pipe" in address:
        return address["pipe"]["path"]
    return address["socket_address"]["address"], address["socket_address"]["port_value"]


def domains(table):
    return {one["name"]: one["domains"] for one in table["virtual_hosts"]}


def test_captured_connections_keep_both_addresses_with_tproxy():
    found = made(mode=Interception.TPROXY)["listeners"]
    transparent = {name for name, one in found.items() if one.get("transparent")}
    assert transparent == {"virtualOutbound", "virtualInbound"}
    assert not any(one.get("transparent") for one in made()["listeners"].values())


def test_without_interception_nothing_waits_for_captured_connections():
    found = made(mode=Interception.NONE)
    assert not {"virtualOutbound", "virtualInbound"} & set(found["listeners"])
    assert not [name for name in found["clusters"] if name.startswith("inbound|")]


def test_without_interception_ports_of_services_are_at_the_loopback():
    found = made(mode=Interception.NONE)["listeners"]
    assert set(found) == {f"127.0.0.1_{port}" for port in (80, 81, 90, 91)}
    assert not any("bind_to_port" in one for one in found.values())
    (http,) = found["127.0.0.1_80"]["filter_chains"]
    assert "filter_chain_match" not in http
    assert config(http)["rds"]["route_config_name"] == "80"
    (tcp,) = found["127.0.0.1_90"]["filter_chains"]
    assert config(tcp)["cluster"] == f"outbound|90||{A}"
    # The name of `db` says nothing of its protocol.
    (sniffed,) = found["127.0.0.1_91"]["filter_chains"]
    assert config(sniffed)["rds"]["route_config_name"] == f"{B}:91"


INGRESS = """\
{ingress: [{port: {number: 9000, protocol: HTTP, name: h}, bind: 127.77.0.1, captureMode: NONE,
            defaultEndpoint: '127.0.0.1:8080'}]}
"""


@pytest.mark.parametrize("mode", list(Interception))
def test_an_ingress_listener_binds(mode):
    found = made(resource(INGRESS) + OPEN, mode)
    one = found["listeners"]["127.77.0.1_9000"]
    assert place(one) == ("127.77.0.1", 9000)
    assert "bind_to_port" not in one
    assert not one.get("transparent")
    assert "listener_filters" not in one
    (chain,) = one["filter_chains"]
    assert chain["filter_chain_match"] == {
        "destination_port": 9000,
        "transport_protocol": "raw_buffer",
    }
    assert config(chain)["route_config"]["virtual_hosts"][0]["name"] == "inbound|http|9000"
    route = config(chain)["route_config"]["virtual_hosts"][0]["routes"][0]
    assert route["route"]["cluster"] == "inbound|9000||"
    assert route["decorator"]["operation"] == "mine.default:9000/*"


def test_ports_of_services_are_not_served_beside_ingress_listeners():
    found = made(resource(INGRESS))
    assert [one for one in found["clusters"] if one.startswith("inbound|")] == ["inbound|9000||"]
    chains = found["listeners"]["virtualInbound"]["filter_chains"]
    ports = {one.get("filter_chain_match", {}).get("destination_port") for one in chains}
    assert ports == {15006, None}


def test_a_captured_ingress_port_is_chains_of_the_one_listener():
    text = INGRESS.replace("captureMode: NONE,", "").replace("bind: 127.77.0.1,", "")
    found = made(resource(text) + OPEN)["listeners"]
    assert "127.77.0.1_9000" not in found
    (chain,) = [
        one
        for one in found["virtualInbound"]["filter_chains"]
        if one["filter_chain_match"].get("destination_port") == 9000
    ]
    assert chain["name"] == "10.0.0.1_9000"


def test_mutual_tls_is_told_by_the_first_bytes_where_it_may_be():
    one = made(resource(INGRESS))["listeners"]["127.77.0.1_9000"]
    assert [each["name"].rpartition(".")[2] for each in one["listener_filters"]] == [
        "tls_inspector"
    ]
    mutual, plain = one["filter_chains"]
    assert "transport_socket" in mutual
    assert "transport_socket" not in plain


TLS = INGRESS.replace("protocol: HTTP", "protocol: HTTPS").replace(
    "captureMode", "tls: {mode: SIMPLE, serverCertificate: /c, privateKey: /k}, captureMode"
)


def test_an_ingress_listener_may_end_tls_where_the_mesh_does_not():
    one = made(resource(TLS) + OPEN)["listeners"]["127.77.0.1_9000"]
    (chain,) = one["filter_chains"]
    assert chain["filter_chain_match"] == {"destination_port": 9000, "transport_protocol": "tls"}
    context = chain["transport_socket"]["typed_config"]
    (secret,) = context["common_tls_context"]["tls_certificate_sds_secret_configs"]
    assert secret["name"] == "file-cert:/c~/k"
    # What is in the TLS is HTTP.
    assert config(chain)["@type"].endswith("HttpConnectionManager")


def test_tls_of_an_ingress_listener_is_the_meshs_where_it_has_its_own():
    one = made(resource(TLS))["listeners"]["127.77.0.1_9000"]
    secrets = {
        each["transport_socket"]["typed_config"]["common_tls_context"][
            "tls_certificate_sds_secret_configs"
        ][0]["name"]
        for each in one["filter_chains"]
        if "transport_socket" in each
    }
    assert secrets == {"default"}


@pytest.mark.parametrize(
    ("endpoint", "address", "bound"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080), False),
        ("0.0.0.0:8080", ("10.0.0.1", 8080), True),
        ("'[::1]:8080'", ("127.0.0.1", 8080), False),
        ("'[::]:8080'", ("::1", 8080), False),
        ("unix:///run/app.sock", "/run/app.sock", False),
    ],
)
def test_where_the_application_is(endpoint, address, bound):
    text = INGRESS.replace("'127.0.0.1:8080'", endpoint)
    cluster = made(resource(text))["clusters"]["inbound|9000||"]
    assert cluster["type"] == "STATIC"
    (locality,) = cluster["load_assignment"]["endpoints"]
    assert place(locality["lb_endpoints"][0]["endpoint"]) == address
    assert ("upstream_bind_config" in cluster) is bound


def test_without_an_endpoint_the_address_that_was_called_is_used():
    text = INGRESS.replace("defaultEndpoint: '127.0.0.1:8080'", "")
    cluster = made(resource(text))["clusters"]["inbound|9000||"]
    assert cluster["type"] == "ORIGINAL_DST"
    assert cluster["upstream_bind_config"]["source_address"]["address"] == "127.0.0.6"


def test_limits_of_an_ingress_listener_are_its_clusters():
    text = INGRESS.replace("captureMode", "connectionPool: {tcp: {maxConnections: 7}}, captureMode")
    cluster = made(resource(text))["clusters"]["inbound|9000||"]
    assert cluster["circuit_breakers"]["thresholds"][0]["max_connections"] == 7


def test_an_http_proxy_is_for_services_of_every_port():
    text = """\
{egress: [{port: {number: 3128, protocol: HTTP_PROXY, name: p}, bind: 127.77.0.1,
           captureMode: NONE, hosts: ['*/*']}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}
"""
    found = made(resource(text), Interception.NONE)
    (one,) = found["listeners"].values()
    assert place(one) == ("127.77.0.1", 3128)
    (chain,) = one["filter_chains"]
    assert "filter_chain_match" not in chain
    assert config(chain)["rds"]["route_config_name"] == "3128"
    table = found["routes"]["3128"]
    told = domains(table)
    assert {"a", "a:80", f"{A}:80", "10.1.0.1"} <= set(told[f"{A}:80"])
    assert {"b.far:81", f"{B}:81"} <= set(told[f"{B}:81"])
    # HTTP of another port is not called without it.
    assert "b.far" not in told[f"{B}:81"]
    assert f"{A}:90" not in told
    assert "block_all" in told
    assert "ignore_port_in_host_matching" not in table


def test_the_mesh_may_say_the_port_of_an_http_proxy():
    found = made(proxyHttpPort=15007)
    one = found["listeners"]["127.0.0.1_15007"]
    assert config(one["filter_chains"][0])["rds"]["route_config_name"] == "http_proxy"
    assert f"{A}:80" in domains(found["routes"]["http_proxy"])


def test_a_socket_is_an_http_listener_with_a_table_of_its_name():
    text = """\
{egress: [{port: {number: 0, protocol: HTTP, name: u}, bind: 'unix:///run/out', hosts: ['./*']}]}
"""
    found = made(resource(text))
    one = found["listeners"]["unix:///run/out_0"]
    assert place(one) == "/run/out"
    assert "bind_to_port" not in one
    told = domains(found["routes"]["unix:///run/out"])
    assert {f"{A}:80"} == {name for name in told if "|" not in name and ":" in name}


def test_a_listener_with_a_port_keeps_others_out_of_it():
    text = """\
{egress: [
  {port: {number: 80, protocol: HTTP, name: h}, hosts: ['./*']},
  {port: {number: 91, protocol: TCP, name: t}, bind: 127.0.0.1, captureMode: NONE,
   hosts: ['*/b.far.svc.cluster.local']},
  {hosts: ['*/*']}]}
"""
    other = SERVICES.split("---")[1].replace("name: b", "name: c").replace("port: 81", "port: 80")
    found = made(resource(text) + "---" + other)
    assert set(domains(found["routes"]["80"])) == {f"{A}:80", "allow_any"}
    # Of the port for all: those that no other listener has.
    assert {"10.1.0.1_90", "0.0.0.0_81", "127.0.0.1_91", "0.0.0.0_80"} <= set(found["listeners"])
    (chain,) = found["listeners"]["127.0.0.1_91"]["filter_chains"]
    assert config(chain)["cluster"] == f"outbound|91||{B}"
    # The clusters are there, for routes that lead to them.
    assert "outbound|80||c.far.svc.cluster.local" in found["clusters"]


def test_a_socket_leads_to_the_only_port_of_a_service():
    text = """\
{egress: [{port: {number: 0, protocol: TCP, name: t}, bind: 'unix:///run/db',
           hosts: ['./db.com']}]}
"""
    entry = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: db, namespace: default}
spec: {hosts: [db.com], ports: [{number: 3306, name: t, protocol: TCP}], resolution: DNS}
"""
    found = made(resource(text) + entry)["listeners"]["unix:///run/db_0"]
    assert config(found["filter_chains"][0])["cluster"] == "outbound|3306||db.com"


def test_what_is_not_imported_is_not_there():
    found = made(resource("{egress: [{hosts: ['./*']}]}"))
    assert f"outbound|80||{A}" in found["clusters"]
    assert not [name for name in (*found["clusters"], *found["endpoints"]) if B in name]
    assert not {"0.0.0.0_81", "10.1.0.2_91"} & set(found["listeners"])


def test_calls_of_nobody_are_refused_or_go_to_a_proxy():
    text = "{egress: [{hosts: ['*/*']}], outboundTrafficPolicy: POLICY}"
    refused = made(resource(text.replace("POLICY", "{mode: REGISTRY_ONLY}")))
    chain = refused["listeners"]["virtualOutbound"]["filter_chains"][1]
    assert config(chain)["cluster"] == "BlackHoleCluster"
    assert "block_all" in domains(refused["routes"]["80"])
    proxied = "{mode: ALLOW_ANY, egressProxy: {host: b.far.svc.cluster.local, port: {number: 81}}}"
    passed = made(resource(text.replace("POLICY", proxied)))
    chain = passed["listeners"]["virtualOutbound"]["filter_chains"][1]
    assert config(chain)["cluster"] == f"outbound|81||{B}"
    last = passed["routes"]["80"]["virtual_hosts"][-1]
    assert last["routes"][0]["route"]["cluster"] == f"outbound|81||{B}"


DYNAMIC = {"outboundTrafficPolicy": {"mode": "ALLOW_ANY_DYNAMIC_DNS"}}


def test_dns_may_be_asked_for_hosts_that_nobody_knows():
    found = made(**DYNAMIC)
    cluster = found["clusters"]["AllowAnyDynamicDNSCluster"]
    assert cluster["cluster_type"]["name"] == "envoy.clusters.dynamic_forward_proxy"
    cache = cluster["cluster_type"]["typed_config"]["dns_cache_config"]
    route = found["routes"]["80"]["virtual_hosts"][-1]["routes"][0]
    assert (route["name"], route["route"]["cluster"]) == (
        "allow_any_dynamic_dns",
        "AllowAnyDynamicDNSCluster",
    )
    trap, requests, rest = found["listeners"]["virtualOutbound"]["filter_chains"]
    assert "destination_port" in trap["filter_chain_match"]
    assert requests["filter_chain_match"]["application_protocols"][1] == "http/1.1"
    assert config(rest)["cluster"] == "PassthroughCluster"
    (inspector,) = found["listeners"]["virtualOutbound"]["listener_filters"]
    assert inspector["name"].endswith("http_inspector")
    known = found["listeners"]["0.0.0.0_80"]["filter_chains"][0]
    for manager in (config(requests), config(known)):
        last = manager["http_filters"][-2]
        assert last["name"] == "envoy.filters.http.dynamic_forward_proxy"
        assert last["typed_config"]["dns_cache_config"] == cache
    ours = made()
    assert "AllowAnyDynamicDNSCluster" not in ours["clusters"]
    assert "dynamic_forward_proxy" not in str(ours["listeners"])


def test_hosts_that_dns_tells_may_be_called_by_tls():
    policy = {**DYNAMIC["outboundTrafficPolicy"], "tls": {"mode": "SIMPLE"}}
    cluster = made(outboundTrafficPolicy=policy)["clusters"]["AllowAnyDynamicDNSCluster"]
    assert cluster["transport_socket"]["name"] == "envoy.transport_sockets.tls"
    assert "allow_insecure_cluster_options" not in cluster["cluster_type"]["typed_config"]
    plain = made(**DYNAMIC)["clusters"]["AllowAnyDynamicDNSCluster"]
    assert plain["cluster_type"]["typed_config"]["allow_insecure_cluster_options"] is True


def test_a_sidecar_refuses_what_the_mesh_would_ask_dns_for():
    text = "{egress: [{hosts: ['*/*']}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}"
    found = made(resource(text), **DYNAMIC)
    assert "block_all" in domains(found["routes"]["80"])
    assert "AllowAnyDynamicDNSCluster" not in found["clusters"]


def test_http_does_not_take_the_proxys_own_ports():
    own = (
        SERVICES.split("---")[0].replace("name: a", "name: own").replace("port: 80", "port: 15001")
    )
    found = made("---\n" + own)["listeners"]
    assert "0.0.0.0_15001" not in found
    assert place(found["virtualOutbound"]) == ("0.0.0.0", 15001)


def test_an_ipv6_proxy_listens_to_ipv6():
    found = made(address="fd00::1", mode=Interception.NONE)["listeners"]
    assert "::1_80" in found
    found = made(address="fd00::1")["listeners"]
    assert place(found["virtualInbound"]) == ("::", 15006)
