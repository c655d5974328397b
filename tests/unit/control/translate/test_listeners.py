import pytest

from tests.support.mesh import sent, sidecar

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: default}
spec: {clusterIP: ADDRESS, selector: {app: app}, ports: [PORT]}
---
"""
POD = """\
---
apiVersion: v1
kind: Pod
metadata: {name: app-1, namespace: default, labels: {app: app}}
spec: {containers: []}
status: {podIP: 10.0.0.1}
"""


def service(port, name="a", address="10.1.0.1"):
    return SERVICE.replace("NAME", name).replace("ADDRESS", address).replace("PORT", port)


HTTP = "{name: http, port: 80, targetPort: 8080}"
TCP = "{name: tcp, port: 90, targetPort: 9090}"
AUTO = "{name: web, port: 100, targetPort: 1000}"


def listeners(text, **config):
    return sent(text, sidecar(labels={"app": "app"}), **config)["listeners"]


def config(chain, position=-1):
    return chain["filters"][position]["typed_config"]


def test_captured_connections_come_to_one_listener_and_unknown_ones_pass():
    one = listeners("")["virtualOutbound"]
    assert (one["use_original_dst"], one["address"]["socket_address"]["port_value"]) == (
        True,
        15001,
    )
    trap, rest = one["filter_chains"]
    assert trap["filter_chain_match"] == {"destination_port": 15001}
    assert config(trap)["cluster"] == "BlackHoleCluster"
    assert config(rest)["cluster"] == "PassthroughCluster"
    refused = listeners("", outboundTrafficPolicy={"mode": "REGISTRY_ONLY"})["virtualOutbound"]
    assert config(refused["filter_chains"][1])["cluster"] == "BlackHoleCluster"


def test_http_of_all_services_at_a_port_is_one_listener():
    one = listeners(service(HTTP) + service(HTTP, "b", "10.1.0.2"))["0.0.0.0_80"]
    assert one["bind_to_port"] is False
    (chain,) = one["filter_chains"]
    assert chain["filter_chain_match"]["application_protocols"] == ["http/1.0", "http/1.1", "h2c"]
    assert config(chain)["rds"]["route_config_name"] == "80"
    assert [one["name"] for one in config(chain)["http_filters"]][-1] == "envoy.filters.http.router"
    assert config(one["default_filter_chain"])["cluster"] == "PassthroughCluster"


def test_tcp_is_a_listener_at_the_services_address():
    one = listeners(service(TCP))["10.1.0.1_90"]
    (chain,) = one["filter_chains"]
    assert config(chain)["cluster"] == "outbound|90||a.default.svc.cluster.local"
    assert "listener_filters" not in one


def test_a_protocol_that_is_not_known_is_told_by_the_first_bytes():
    one = listeners(service(AUTO))["10.1.0.1_100"]
    (http,) = one["filter_chains"]
    assert config(http)["rds"]["route_config_name"] == "a.default.svc.cluster.local:100"
    assert config(one["default_filter_chain"])["cluster"].startswith("outbound|100||a.")
    (inspector,) = one["listener_filters"]
    assert inspector["name"] == "envoy.filters.listener.http_inspector"


ENTRY = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ext, namespace: default}
spec:
  hosts: [a.com]
  ADDRESSES
  ports: [{number: 443, name: tls, protocol: TLS}]
  resolution: DNS
"""


def test_tls_without_an_address_is_told_by_its_name():
    one = listeners(ENTRY.replace("ADDRESSES", ""))["0.0.0.0_443"]
    (chain,) = one["filter_chains"]
    assert chain["filter_chain_match"]["server_names"] == ["a.com"]
    assert config(chain)["cluster"] == "outbound|443||a.com"
    assert config(one["default_filter_chain"])["cluster"] == "PassthroughCluster"


def test_a_range_of_addresses_is_matched():
    text = ENTRY.replace("ADDRESSES", "addresses: [10.5.0.0/16]").replace(": DNS", ": STATIC")
    one = listeners(text)["0.0.0.0_443"]
    (chain,) = one["filter_chains"]
    assert chain["filter_chain_match"]["prefix_ranges"] == [
        {"address_prefix": "10.5.0.0", "prefix_len": 16}
    ]


HEADLESS = """\
apiVersion: v1
kind: Service
metadata: {name: db, namespace: default}
spec: {clusterIP: None, selector: {app: app}, ports: [{name: tcp, port: 3306}]}
"""
WORKLOADS = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ext, namespace: default}
spec:
  hosts: [a.com]
  ports: [{number: 90, name: tcp, protocol: TCP}]
  resolution: NONE
  MORE
"""


def test_a_headless_service_is_a_listener_at_each_of_its_endpoints():
    other = POD.replace("app-1", "app-2").replace("10.0.0.1", "10.0.0.2")
    found = listeners(HEADLESS + POD + other)
    assert "10.0.0.2_3306" in found
    # Not at the proxy's own, where the application listens.
    assert not {"10.0.0.1_3306", "0.0.0.0_3306"} & set(found)


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ("", "0.0.0.0_90"),
        ("workloadSelector: {labels: {app: none}}", None),
    ],
)
def test_an_entry_without_resolution_is_anywhere_unless_it_says_where(more, name):
    found = set(listeners(WORKLOADS.replace("MORE", more))) - {"virtualOutbound", "virtualInbound"}
    assert found == ({name} if name else set())


def test_virtual_services_route_by_sni_and_weigh_tcp():
    rules = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: r, namespace: default}
spec:
  hosts: [a, a.com, x.com]
  tls: [{match: [{sniHosts: [x.com], port: 443}], route: [{destination: {host: b.com}}]}]
  tcp:
    - route:
        - {destination: {host: a, subset: v1}, weight: 9}
        - {destination: {host: a}, weight: 1}
"""
    found = listeners(service(TCP) + ENTRY.replace("ADDRESSES", "") + rules)
    (weighted,) = found["10.1.0.1_90"]["filter_chains"]
    clusters = config(weighted)["weighted_clusters"]["clusters"]
    assert [(one["name"].split("|")[2], one["weight"]) for one in clusters] == [("v1", 9), ("", 1)]
    by_name = found["0.0.0.0_443"]["filter_chains"]
    assert config(by_name[0])["cluster"] == "outbound|443||b.com"


def inbound(text, port):
    chains = listeners(text + POD)["virtualInbound"]["filter_chains"]
    return [
        chain for chain in chains if chain["filter_chain_match"].get("destination_port") == port
    ]


PEERS = """\
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: NAME, namespace: NAMESPACE}
spec: SPEC
"""


def peers(spec, name="p", namespace="default"):
    return PEERS.replace("NAMESPACE", namespace).replace("NAME", name).replace("SPEC", spec)


@pytest.mark.parametrize(
    ("mode", "port", "number", "expected"),
    [
        ("PERMISSIVE", HTTP, 8080, [("tls", True, True), ("raw_buffer", False, True)]),
        (
            "PERMISSIVE",
            TCP,
            9090,
            [("tls", True, False), ("tls", False, False), ("raw_buffer", False, False)],
        ),
        (
            "PERMISSIVE",
            AUTO,
            1000,
            [
                ("tls", True, True),
                ("raw_buffer", False, True),
                ("tls", True, False),
                ("raw_buffer", False, False),
                ("tls", False, False),
            ],
        ),
        ("STRICT", HTTP, 8080, [("tls", True, True)]),
        ("STRICT", TCP, 9090, [("tls", True, False)]),
        ("STRICT", AUTO, 1000, [("tls", True, True), ("tls", True, False)]),
        ("DISABLE", HTTP, 8080, [("raw_buffer", False, True)]),
    ],
)
def test_chains_of_a_port(mode, port, number, expected):
    """Of each: the transport, whether it ends mutual TLS, whether it reads requests."""
    found = inbound(service(port) + peers(f"{{mtls: {{mode: {mode}}}}}"), number)
    assert [
        (
            chain["filter_chain_match"]["transport_protocol"],
            "transport_socket" in chain,
            "http_filters" in config(chain),
        )
        for chain in found
    ] == expected


def test_callers_need_a_certificate_of_the_mesh():
    (strict,) = inbound(service(HTTP) + peers("{mtls: {mode: STRICT}}"), 8080)
    context = strict["transport_socket"]["typed_config"]
    assert context["require_client_certificate"] is True
    common = context["common_tls_context"]
    assert common["alpn_protocols"] == ["h2", "http/1.1"]
    assert common["tls_certificate_sds_secret_configs"][0]["name"] == "default"


@pytest.mark.parametrize(
    ("policies", "count"),
    [
        (peers("{mtls: {mode: STRICT}}", namespace="istio-system"), 1),
        (
            peers("{mtls: {mode: STRICT}}", namespace="istio-system")
            + peers("{mtls: {mode: PERMISSIVE}}"),
            2,
        ),
        (
            peers("{mtls: {mode: STRICT}}")
            + peers("{selector: {matchLabels: {app: app}}, mtls: {mode: PERMISSIVE}}", "w"),
            2,
        ),
        (
            peers(
                "{selector: {matchLabels: {app: app}}, mtls: {mode: PERMISSIVE}, "
                "portLevelMtls: {8080: {mode: STRICT}}}"
            ),
            1,
        ),
        (peers("{selector: {matchLabels: {app: other}}, mtls: {mode: STRICT}}"), 2),
        (peers("{mtls: {mode: UNSET}}"), 2),
    ],
)
def test_the_nearest_level_says_whether_mutual_tls_is_needed(policies, count):
    assert len(inbound(service(HTTP) + policies, 8080)) == count


def test_requests_go_to_the_application_without_a_limit():
    chain = inbound(service(HTTP), 8080)[0]
    manager = config(chain)
    assert manager["stat_prefix"] == "inbound_0.0.0.0_8080;"
    assert manager["forward_client_cert_details"] == "APPEND_FORWARD"
    (host,) = manager["route_config"]["virtual_hosts"]
    assert (host["name"], host["domains"]) == ("inbound|http|80", ["*"])
    action = host["routes"][0]["route"]
    assert (action["cluster"], action["timeout"]) == ("inbound|8080||", "0s")
    assert action["retry_policy"]["retry_on"] == "reset-before-request"


POLICIES = """\
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: a, namespace: default}
spec: {selector: {matchLabels: {app: app}}, rules: [{to: [{operation: {methods: [GET]}}]}]}
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: r, namespace: default}
spec:
  jwtRules:
    - {issuer: one, jwks: '{"keys": []}', outputClaimToHeaders: [{header: x, claim: sub}]}
    - {issuer: two, jwksUri: 'https://keys.com/k', fromHeaders: [{name: t, prefix: 'T '}]}
"""


def test_tokens_are_verified_before_policies_judge():
    manager = config(inbound(service(HTTP) + POLICIES, 8080)[0])
    names = [one["name"] for one in manager["http_filters"]]
    assert names[:2] == ["envoy.filters.http.jwt_authn", "envoy.filters.http.rbac"]
    jwt = manager["http_filters"][0]["typed_config"]
    one, two = jwt["providers"]["origins-0"], jwt["providers"]["origins-1"]
    assert one["claim_to_headers"] == [{"header_name": "x", "claim_name": "sub"}]
    assert two["remote_jwks"]["http_uri"]["cluster"] == "outbound|443||keys.com"
    required = jwt["rules"][0]["requires"]["requires_any"]["requirements"]
    assert [list(each) for each in required] == [
        ["provider_name"],
        ["provider_name"],
        ["requires_all"],
    ]


def test_policies_judge_connections():
    chain = inbound(service(TCP) + POLICIES, 9090)[0]
    assert [one["name"] for one in chain["filters"]] == [
        "envoy.filters.network.rbac",
        "envoy.filters.network.tcp_proxy",
    ]


def test_policies_of_other_workloads_and_namespaces_do_not():
    other = POLICIES.replace("{app: app}", "{app: other}").replace("default", "elsewhere")
    manager = config(inbound(service(HTTP) + other, 8080)[0])
    assert "envoy.filters.http.rbac" not in [one["name"] for one in manager["http_filters"]]
    assert "envoy.filters.http.jwt_authn" not in [one["name"] for one in manager["http_filters"]]
