import pytest

from lateen.control.model.proxy import Interception, parse_node
from tests.support.mesh import sent, sidecar

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec: {clusterIP: 10.1.0.1, selector: {app: reviews}, ports: [PORT]}
"""
HTTP = SERVICE.replace("PORT", "{name: http, port: 80, targetPort: 8080}")
PODS = """\
---
apiVersion: v1
kind: Pod
metadata:
  name: reviews-1
  namespace: shop
  labels: {app: reviews, version: v1, security.istio.io/tlsMode: istio}
spec: {serviceAccountName: reader, containers: []}
status: {podIP: 10.0.0.9}
"""
OUTBOUND = "outbound|80||reviews.shop.svc.cluster.local"
SUBSET = "outbound|80|v1|reviews.shop.svc.cluster.local"


def rule(policy, more="", host="reviews.shop.svc.cluster.local", namespace="shop"):
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: reviews, namespace: {namespace}}}
spec: {{host: {host}, trafficPolicy: {policy}{more}}}
"""


def cluster(text, name=OUTBOUND, **config):
    return sent(text, **config)["clusters"][name]


def options(one):
    packed = one["typed_extension_protocol_options"]
    return packed["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]


def test_a_service_is_a_cluster_with_istios_defaults():
    one = cluster(HTTP + PODS)
    assert (one["type"], one["lb_policy"], one["connect_timeout"]) == (
        "EDS",
        "LEAST_REQUEST",
        "10s",
    )
    assert one["alt_stat_name"] == f"{OUTBOUND};"
    assert one["circuit_breakers"]["thresholds"][0]["max_connections"] == 2**32 - 1
    assert one["eds_cluster_config"]["service_name"] == OUTBOUND
    assert one["metadata"]["filter_metadata"]["istio"]["services"] == [
        {"host": "reviews.shop.svc.cluster.local", "name": "reviews", "namespace": "shop"}
    ]


def test_endpoints_with_a_sidecar_are_called_by_mutual_tls_and_others_without():
    istio, disabled = cluster(HTTP + PODS)["transport_socket_matches"]
    assert (istio["name"], istio["match"]) == ("tlsMode-istio", {"tlsMode": "istio"})
    context = istio["transport_socket"]["typed_config"]
    assert context["sni"] == "outbound_.80_._.reviews.shop.svc.cluster.local"
    common = context["common_tls_context"]
    assert common["alpn_protocols"] == ["istio"]
    validation = common["combined_validation_context"]
    assert validation["validation_context_sds_secret_config"]["name"] == "ROOTCA"
    assert validation["default_validation_context"]["match_subject_alt_names"] == [
        {"exact": "spiffe://cluster.local/ns/shop/sa/reader"}
    ]
    assert (disabled["name"], disabled["match"]) == ("tlsMode-disabled", {})


PEERS = """\
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: NAMESPACE}
spec: {mtls: {mode: MODE}}
"""


@pytest.mark.parametrize(
    ("text", "config"),
    [
        (PEERS.replace("NAMESPACE", "shop").replace("MODE", "DISABLE"), {}),
        (PEERS.replace("NAMESPACE", "istio-system").replace("MODE", "DISABLE"), {}),
        ("", {"enableAutoMtls": False}),
        (rule("{tls: {mode: DISABLE}}"), {}),
    ],
)
def test_no_mutual_tls_where_it_is_off(text, config):
    one = cluster(HTTP + PODS + text, **config)
    assert "transport_socket_matches" not in one
    assert "transport_socket" not in one


def test_a_namespace_overrides_the_mesh():
    off = PEERS.replace("NAMESPACE", "istio-system").replace("MODE", "DISABLE")
    on = PEERS.replace("NAMESPACE", "shop").replace("MODE", "STRICT")
    assert "transport_socket_matches" in cluster(HTTP + PODS + off + on)


def test_a_rule_originates_tls():
    one = cluster(HTTP + rule("{tls: {mode: SIMPLE, sni: a.com, caCertificates: /ca.pem}}"))
    context = one["transport_socket"]["typed_config"]
    assert context["sni"] == "a.com"
    validation = context["common_tls_context"]["combined_validation_context"]
    roots = validation["validation_context_sds_secret_config"]["name"]
    assert roots == "file-root:/ca.pem"
    assert one["metadata"]["filter_metadata"]["istio"]["alpn_override"] == "false"


def test_without_an_sni_the_host_of_the_request_is_that():
    one = cluster(HTTP + rule("{tls: {mode: SIMPLE}}"))
    assert options(one)["upstream_http_protocol_options"] == {
        "auto_sni": True,
        "auto_san_validation": True,
    }


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("{loadBalancer: {simple: ROUND_ROBIN}}", {"lb_policy": None}),
        ("{loadBalancer: {simple: RANDOM}}", {"lb_policy": "RANDOM"}),
        (
            "{loadBalancer: {consistentHash: {httpHeaderName: x}}}",
            {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": "1024"}},
        ),
        (
            "{loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 101}}}}",
            {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": "101"}},
        ),
        (
            "{loadBalancer: {simple: PASSTHROUGH}}",
            {"type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"},
        ),
        ("{connectionPool: {tcp: {connectTimeout: 2s}}}", {"connect_timeout": "2s"}),
        (
            "{outlierDetection: {consecutive5xxErrors: 3, interval: 5s, minHealthPercent: 40}}",
            {
                "outlier_detection": {
                    "consecutive_5xx": 3,
                    "enforcing_consecutive_5xx": 100,
                    "enforcing_success_rate": 0,
                    "interval": "5s",
                },
                "common_lb_config": {"healthy_panic_threshold": {"value": 40.0}},
            },
        ),
    ],
)
def test_what_a_rule_says(policy, expected):
    one = cluster(HTTP + rule(policy))
    assert {name: one.get(name) for name in expected} == expected


def test_limits_of_a_pool():
    pool = "{tcp: {maxConnections: 5}, http: {http1MaxPendingRequests: 6, http2MaxRequests: 7}}"
    one = cluster(HTTP + rule(f"{{connectionPool: {pool}}}"))
    limits = one["circuit_breakers"]["thresholds"][0]
    assert (limits["max_connections"], limits["max_pending_requests"]) == (5, 6)
    assert (limits["max_requests"], limits["max_retries"]) == (7, 2**32 - 1)


def test_a_port_takes_nothing_from_what_is_said_of_all():
    policy = (
        "{loadBalancer: {simple: RANDOM}, "
        "portLevelSettings: [{port: {number: 80}, connectionPool: {tcp: {maxConnections: 5}}}]}"
    )
    one = cluster(HTTP + rule(policy))
    assert one["lb_policy"] == "LEAST_REQUEST"
    assert one["circuit_breakers"]["thresholds"][0]["max_connections"] == 5


def test_a_subset_goes_before_its_rule_and_takes_the_rest():
    more = ", subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {tls: {mode: DISABLE}}}]"
    found = sent(HTTP + PODS + rule("{loadBalancer: {simple: RANDOM}}", more))
    subset = found["clusters"][SUBSET]
    assert subset["lb_policy"] == "RANDOM"
    assert "transport_socket_matches" not in subset
    assert subset["metadata"]["filter_metadata"]["istio"]["subset"] == "v1"
    assert "transport_socket_matches" in found["clusters"][OUTBOUND]


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ("{name: grpc, port: 80}", {"explicit_http_config": {"http2_protocol_options": {}}}),
        (
            "{name: web, port: 80}",
            {
                "use_downstream_protocol_config": {
                    "http_protocol_options": {},
                    "http2_protocol_options": {},
                }
            },
        ),
    ],
)
def test_what_is_spoken_follows_the_port(port, expected):
    found = options(cluster(SERVICE.replace("PORT", port)))
    assert {name: found.get(name) for name in expected} == expected


def test_http_is_spoken_without_options():
    assert "typed_extension_protocol_options" not in cluster(HTTP)


def test_http2_where_the_rule_upgrades():
    one = cluster(HTTP + rule("{connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}"))
    assert options(one)["explicit_http_config"] == {"http2_protocol_options": {}}


EXTERNAL = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api, namespace: shop}
spec: {hosts: [api.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
"""


def test_dns_is_asked_for_external_hosts_and_they_get_no_mutual_tls():
    one = cluster(EXTERNAL, "outbound|443||api.com")
    assert (one["type"], one["dns_lookup_family"]) == ("STRICT_DNS", "V4_ONLY")
    (locality,) = one["load_assignment"]["endpoints"]
    (endpoint,) = locality["lb_endpoints"]
    assert endpoint["endpoint"]["address"]["socket_address"] == {
        "address": "api.com",
        "port_value": 443,
    }
    assert "transport_socket_matches" not in one
    assert one["metadata"]["filter_metadata"]["istio"]["external"] is True


def test_who_sees_what():
    hidden = HTTP.replace("shop}", "shop, annotations: {networking.istio.io/exportTo: .}}")
    assert OUTBOUND not in sent(hidden)["clusters"]
    assert OUTBOUND in sent(hidden, sidecar(namespace="shop"))["clusters"]
    own = ", exportTo: [.]"
    random = HTTP + rule("{loadBalancer: {simple: RANDOM}}", own)
    assert cluster(random)["lb_policy"] == "LEAST_REQUEST"


def test_the_nearest_namespace_with_a_rule_counts():
    text = (
        HTTP
        + rule("{loadBalancer: {simple: RANDOM}}", namespace="istio-system")
        + rule("{loadBalancer: {simple: ROUND_ROBIN}}")
    )
    assert "lb_policy" not in cluster(text)
    mine = rule("{loadBalancer: {consistentHash: {useSourceIp: true}}}", namespace="default")
    assert cluster(text + mine)["lb_policy"] == "RING_HASH"


def test_the_most_specific_host_counts():
    text = HTTP + rule("{loadBalancer: {simple: RANDOM}}", host="'*.cluster.local'")
    assert cluster(text)["lb_policy"] == "RANDOM"
    exact = rule("{loadBalancer: {simple: ROUND_ROBIN}}").replace("name: reviews", "name: exact")
    assert "lb_policy" not in cluster(text + exact)


def test_a_short_host_is_one_of_the_rules_namespace():
    assert (
        cluster(HTTP + rule("{loadBalancer: {simple: RANDOM}}", host="reviews"))["lb_policy"]
        == "RANDOM"
    )


@pytest.mark.parametrize(
    ("kind", "mode", "found"),
    [
        ("sidecar", Interception.REDIRECT, "ORIGINAL_DST"),
        # No application calls an address there.
        ("sidecar", Interception.NONE, "EDS"),
        ("router", Interception.REDIRECT, "EDS"),
    ],
)
def test_a_headless_service_is_called_at_the_address_that_was_called(kind, mode, found):
    headless = HTTP.replace("10.1.0.1", "None")
    node = f"{kind}~10.0.0.1~app-1.default~default.svc.cluster.local"
    one = sent(headless + PODS, parse_node(node, interception=mode))["clusters"][OUTBOUND]
    assert one["type"] == found
    # By address, one that cannot speak mutual TLS would decide for all.
    assert ("transport_socket" in one) is (found == "ORIGINAL_DST")


def test_the_application_is_called_at_its_port_from_an_address_that_capture_knows():
    found = sent(HTTP + PODS, sidecar("10.0.0.9", "shop"))["clusters"]
    one = found["inbound|8080||"]
    assert one["type"] == "ORIGINAL_DST"
    # Envoy counts nanoseconds in 64 bits.
    assert int(one["cleanup_interval"].removesuffix("s")) < 2**63 // 10**9
    assert one["upstream_bind_config"]["source_address"] == {
        "address": "127.0.0.6",
        "port_value": 0,
    }
    assert "inbound|8080||" not in sent(HTTP + PODS)["clusters"]
    assert {"PassthroughCluster", "BlackHoleCluster", "InboundPassthroughCluster"} <= set(found)


def test_endpoints_tell_locality_weight_and_how_they_are_called():
    text = HTTP + PODS.replace("version: v1", "version: v1, topology.kubernetes.io/region: eu")
    (locality,) = sent(text)["endpoints"][OUTBOUND]["endpoints"]
    assert locality["locality"] == {"region": "eu"}
    (endpoint,) = locality["lb_endpoints"]
    assert endpoint["endpoint"]["address"]["socket_address"] == {
        "address": "10.0.0.9",
        "port_value": 8080,
    }
    metadata = endpoint["metadata"]["filter_metadata"]
    assert metadata["envoy.transport_socket_match"] == {"tlsMode": "istio"}
    assert metadata["istio"]["workload"] == "reviews-1;shop;reviews;v1;"


def test_a_subset_has_the_endpoints_with_its_labels():
    more = ", subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]"
    found = sent(HTTP + PODS + rule("{loadBalancer: {simple: RANDOM}}", more))["endpoints"]
    assert len(found[SUBSET]["endpoints"]) == 1
    assert "endpoints" not in found[SUBSET.replace("v1", "v2")]
