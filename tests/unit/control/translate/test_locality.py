"""Priorities and weights of endpoints, as proxies of several places get them."""

import pytest

from tests.support.mesh import sent, sidecar

HOST = "shop.com"
CLUSTER = f"outbound|80||{HOST}"
PLACES = ("us/east/1", "us/east/2", "us/west/1", "eu/north/1", "ap/south/1")
ENTRY = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: shop, namespace: default}
spec:
  hosts: [shop.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints:
"""
EJECTS = "outlierDetection: {consecutive5xxErrors: 1}"


def entry(places=PLACES, labels=None):
    lines = [
        f"    - {{address: 10.2.0.{number}, locality: {place}, labels: {labels or {}}}}\n"
        for number, place in enumerate(places, 1)
    ]
    return ENTRY + "".join(lines)


def rule(policy):
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: r, namespace: default}}
spec: {{host: shop.com, trafficPolicy: {{{policy}}}}}
"""


def setting(text, more=EJECTS):
    return rule(f"loadBalancer: {{localityLbSetting: {{{text}}}}}, {more}")


def made(text, locality="us/east/1", labels=None, **config):
    return sent(text, sidecar(locality=locality, labels=labels or {"app": "a"}), **config)


def place(one):
    told = one.get("locality", {})
    return "/".join(told[level] for level in ("region", "zone", "sub_zone") if level in told)


def groups(*arguments, **config):
    found = made(*arguments, **config)["endpoints"][CLUSTER]["endpoints"]
    return {place(one): (one.get("priority", 0), one["load_balancing_weight"]) for one in found}


def priorities(*arguments, **config):
    return {name: priority for name, (priority, _) in groups(*arguments, **config).items()}


def test_without_outlier_detection_places_are_the_same():
    assert set(priorities(entry()).values()) == {0}
    assert set(priorities(entry() + setting("enabled: true", "")).values()) == {0}


def test_the_nearest_comes_first_when_endpoints_are_ejected():
    found = priorities(entry() + rule(EJECTS))
    assert found == dict(zip(PLACES, (0, 1, 2, 3, 3), strict=True))
    found = priorities(entry() + rule(EJECTS), locality="eu/south/1")
    assert found == dict(zip(PLACES, (1, 1, 1, 0, 1), strict=True))


def test_the_meshs_default_for_outliers_counts():
    default = {"outlierDetection": {"consecutive5xxErrors": 1}}
    assert priorities(entry(), defaultTrafficPolicy=default)["eu/north/1"] == 3


def test_it_may_be_turned_off_by_a_rule_or_the_mesh():
    assert set(priorities(entry() + setting("enabled: false")).values()) == {0}
    off = {"localityLbSetting": {"enabled": False}}
    assert set(priorities(entry() + rule(EJECTS), **off).values()) == {0}
    # A rule goes before the mesh.
    assert priorities(entry() + setting("enabled: true"), **off)["eu/north/1"] == 3


def test_one_region_takes_over_from_another():
    found = priorities(entry() + setting("failover: [{from: us, to: ap}]"))
    assert found == dict(zip(PLACES, (0, 1, 2, 4, 3), strict=True))
    other = setting("failover: [{from: eu, to: ap}]")
    assert priorities(entry() + other)["ap/south/1"] == 3


def test_labels_come_before_places():
    text = entry(("us/east/1",), "{version: v2}") + "".join(
        f"    - {{address: 10.3.0.{number}, locality: us/east/1, labels: {{version: {version}}}}}\n"
        for number, version in enumerate(("v1", "v1"), 1)
    )
    text += setting("failoverPriority: [version]")
    found = made(text, labels={"version": "v1"})["endpoints"][CLUSTER]["endpoints"]
    assert [(len(one["lb_endpoints"]), one.get("priority", 0)) for one in found] == [(2, 0), (1, 1)]
    assert [one["load_balancing_weight"] for one in found] == [2, 1]
    # The value that is written goes before the proxy's.
    other = text.replace("[version]", "['version=v2']")
    found = made(other, labels={"version": "v1"})["endpoints"][CLUSTER]["endpoints"]
    assert [len(one["lb_endpoints"]) for one in found] == [1, 2]


def test_labels_of_places_are_labels():
    both = "failoverPriority: [topology.kubernetes.io/region, topology.kubernetes.io/zone]"
    found = priorities(entry() + setting(both))
    assert found == dict(zip(PLACES, (0, 0, 1, 2, 2), strict=True))


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        ("[topology.istio.io/network, version]", {"n1/v1": 0, "n1/v2": 1, "n2/v1": 2, "n2/v2": 3}),
        ("[version, topology.istio.io/network]", {"n1/v1": 0, "n2/v1": 1, "n1/v2": 2, "n2/v2": 2}),
    ],
)
def test_another_network_is_compared_by_the_other_labels(priority, expected):
    text = ENTRY + "".join(
        f"    - {{address: 10.2.{n}.{v}, network: n{n}, labels: {{version: v{v}}}}}\n"
        for n in (1, 2)
        for v in (1, 2)
    )
    labels = {"version": "v1", "topology.istio.io/network": "n1"}
    found = made(text + setting(f"failoverPriority: {priority}"), labels=labels)
    by_address = {}
    for one in found["endpoints"][CLUSTER]["endpoints"]:
        for each in one["lb_endpoints"]:
            _, _, n, v = each["endpoint"]["address"]["socket_address"]["address"].split(".")
            by_address[f"n{n}/v{v}"] = one.get("priority", 0)
    assert by_address == expected


def test_traffic_is_shared_out_among_places():
    shares = "distribute: [{from: 'us/*', to: {'us/east/*': 80, 'eu/*': 20}}]"
    found = groups(entry() + setting(shares, ""))
    assert found == {"us/east/1": (0, 40), "us/east/2": (0, 40), "eu/north/1": (0, 20)}
    assert set(groups(entry() + setting(shares, ""), locality="ap/south/1")) == set(PLACES)


def test_the_cluster_weighs_places_where_weights_are_set():
    def config(text):
        return made(entry() + text)["clusters"][CLUSTER]["common_lb_config"]

    weighted = {"locality_weighted_lb_config": {}}
    shares = "distribute: [{from: us, to: {us: 100}}]"
    assert config(setting(shares, "")) == weighted
    assert "locality_weighted_lb_config" in config(setting("failover: [{from: us, to: eu}]"))
    assert "locality_weighted_lb_config" in config(setting("failoverPriority: [version]"))
    assert "locality_weighted_lb_config" not in config(setting("failoverPriority: [v]", ""))
    assert "locality_weighted_lb_config" not in config(rule(EJECTS))


def test_zones_may_be_balanced_by_the_proxy():
    text = "loadBalancer: {zoneAwareLbSetting: {minClusterSize: 3, failover: [{from: us, to: eu}]}}"
    found = made(entry() + rule(text))
    zones = found["clusters"][CLUSTER]["common_lb_config"]["zone_aware_lb_config"]
    assert zones == {"min_cluster_size": "3"}
    assert priorities(entry() + rule(text)) == dict(zip(PLACES, (0, 0, 0, 1, 2), strict=True))
    off = made(entry() + rule(text.replace("minClusterSize: 3", "enabled: false")))
    zones = off["clusters"][CLUSTER]["common_lb_config"]["zone_aware_lb_config"]
    assert zones == {"routing_enabled": {}}


def test_endpoints_by_dns_are_preferred_alike():
    text = entry().replace("STATIC", "DNS") + rule(EJECTS)
    found = made(text)["clusters"][CLUSTER]["load_assignment"]["endpoints"]
    assert {place(one): one.get("priority", 0) for one in found}["eu/north/1"] == 3


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("PreferClose", (0, 0, 1, 2, 2)),
        ("PreferSameZone", (0, 0, 1, 2, 2)),
        ("PreferSameNode", (0, 1, 2, 3, 3)),
        ("Anything", (0, 0, 0, 0, 0)),
    ],
)
def test_a_service_may_want_the_nearest_to_be_called(wanted, expected):
    note = f"annotations: {{networking.istio.io/traffic-distribution: {wanted}}}, name: shop"
    text = entry().replace("name: shop", note, 1)
    assert priorities(text) == dict(zip(PLACES, expected, strict=True))
    # A rule goes before it.
    off = setting("enabled: false", "")
    assert set(priorities(text + off).values()) == {0}


def test_a_service_of_kubernetes_may_want_the_callers_machine():
    text = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default}
spec:
  clusterIP: 10.1.0.1
  selector: {app: a}
  ports: [{name: http, port: 80}]
  trafficDistribution: PreferSameNode
"""
    for node in ("one", "two"):
        text += f"""\
---
apiVersion: v1
kind: Pod
metadata: {{name: {node}, namespace: default, labels: {{app: a}}}}
spec: {{containers: [], nodeName: {node}}}
status: {{podIP: 10.0.1.{len(node) + (node == "two")}}}
"""
    found = made(text, labels={"kubernetes.io/hostname": "two"}, locality="")
    near, far = found["endpoints"]["outbound|80||a.default.svc.cluster.local"]["endpoints"]
    address = near["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["address"]
    assert (address, far["priority"]) == ("10.0.1.4", 1)


def test_weights_that_32_bits_cannot_count_together():
    text = entry(places=PLACES[:1] * 2).replace("labels:", "weight: 4294967295, labels:")
    assert groups(text) == {"us/east/1": (0, 4294967295)}


def test_labels_tell_where_a_proxy_is():
    labels = {"topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": "north"}
    assert priorities(entry() + rule(EJECTS), labels=labels)["eu/north/1"] == 0
