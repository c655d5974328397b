import pytest

from tests.support.manifests import checked


def found(balancer, more=""):
    policy = f"{{host: a, trafficPolicy: {{loadBalancer: {balancer}{more}}}}}"
    return [
        one.replace("spec.trafficPolicy.loadBalancer", "")
        for one in checked("DestinationRule", policy)
    ]


OUTLIERS = ", outlierDetection: {interval: 1s}"


@pytest.mark.parametrize(
    ("balancer", "expected"),
    [
        ("{localityLbSetting: {distribute: [{from: eu/a/*, to: {eu/a/*: 80, eu/b/*: 20}}]}}", []),
        ("{localityLbSetting: {failover: [{from: eu, to: us}]}}", []),
        ("{localityLbSetting: {failoverPriority: [topology.kubernetes.io/region]}}", []),
        ("{zoneAwareLbSetting: {failover: [{from: eu, to: us}], minClusterSize: 1}}", []),
        ("{warmup: {duration: 300s, minimumPercent: 100, aggression: 0.1}}", []),
        ("{simple: RANDOM, consistentHash: {useSourceIp: true}}", ["error "]),
        ("{simple: FAST}", ["error .simple"]),
        (
            "{consistentHash: {useSourceIp: true, httpHeaderName: a}}",
            ["error .consistentHash"],
        ),
        (
            "{consistentHash: {useSourceIp: true, maglev: {tableSize: 7}, ringHash: {}}}",
            ["error .consistentHash"],
        ),
        ("{consistentHash: {httpCookie: {name: ''}}}", ["error .consistentHash.httpCookie.name"]),
        ("{consistentHash: {httpCookie: {ttl: 1s}}}", ["error .consistentHash.httpCookie"]),
        (
            "{consistentHash: {httpCookie: {name: a, attributes: [{name: b}, "
            "{name: b}, {name: ''}]}}}",
            [
                "error .consistentHash.httpCookie.attributes[1].name",
                "error .consistentHash.httpCookie.attributes[2].name",
            ],
        ),
        (
            "{consistentHash: {useSourceIp: true, minimumRingSize: 1}}",
            ["warning .consistentHash.minimumRingSize"],
        ),
        (
            "{consistentHash: {useSourceIp: true, minimumRingSize: 1, ringHash: {}}}",
            ["warning .consistentHash.minimumRingSize", "error .consistentHash.minimumRingSize"],
        ),
        *(
            (
                f"{{consistentHash: {{useSourceIp: true, maglev: {{tableSize: {size}}}}}}}",
                ["error .consistentHash.maglev.tableSize"],
            )
            for size in (0, 4, 100, 121, 5000011)
        ),
        ("{warmup: {minimumPercent: 5}}", ["error .warmup"]),
        ("{warmup: {duration: 0s}}", ["error .warmup.duration"]),
        ("{warmup: {duration: 1s, minimumPercent: 150}}", ["error .warmup.minimumPercent"]),
        ("{warmup: {duration: 1s, aggression: 0}}", ["error .warmup.aggression"]),
        ("{warmup: {duration: 1s, aggression: -0.1}}", ["error .warmup.aggression"]),
        ("{warmupDurationSecs: 0s}", ["error .warmupDurationSecs"]),
        ("{localityLbSetting: {}, zoneAwareLbSetting: {}}", ["error "]),
        (
            "{localityLbSetting: {distribute: [{from: a, to: {b: 100}}], "
            "failover: [{from: a, to: b}]}}",
            ["error .localityLbSetting"],
        ),
        (
            "{localityLbSetting: {failover: [{from: a, to: b}], "
            "failoverPriority: [topology.kubernetes.io/zone]}}",
            ["error .localityLbSetting.failoverPriority[0]"],
        ),
        (
            "{localityLbSetting: {distribute: [{from: a, to: {b: 99}}]}}",
            ["error .localityLbSetting.distribute[0].to"],
        ),
        (
            "{localityLbSetting: {distribute: [{from: a, to: {b: 0, c: 100}}]}}",
            ["error .localityLbSetting.distribute[0].to.b"],
        ),
        (
            "{localityLbSetting: {distribute: [{from: a, to: {b/c: 50, b: 50}}]}}",
            ["error .localityLbSetting.distribute[0].to"],
        ),
        (
            "{localityLbSetting: {distribute: [{from: 'a/*', to: {b: 100}}, "
            "{from: a/b, to: {b: 100}}]}}",
            ["error .localityLbSetting.distribute"],
        ),
        (
            "{localityLbSetting: {distribute: [{from: '*/b', to: {b: 100}}]}}",
            ["error .localityLbSetting.distribute"],
        ),
        (
            "{localityLbSetting: {distribute: [{from: a//c, to: {b: 100}}]}}",
            ["error .localityLbSetting.distribute"],
        ),
        (
            "{localityLbSetting: {failover: [{from: a, to: a}]}}",
            ["error .localityLbSetting.failover[0]"],
        ),
        (
            "{localityLbSetting: {failover: [{from: a/b, to: 'c*'}]}}",
            [
                "error .localityLbSetting.failover[0].from",
                "error .localityLbSetting.failover[0].to",
            ],
        ),
        (
            "{zoneAwareLbSetting: {failoverPriority: [topology.istio.io/subzone]}}",
            ["error .zoneAwareLbSetting.failoverPriority[0]"],
        ),
        (
            "{zoneAwareLbSetting: {failover: [{from: a, to: a}]}}",
            ["error .zoneAwareLbSetting.failover[0]"],
        ),
        ("{zoneAwareLbSetting: {minClusterSize: 0}}", ["error .zoneAwareLbSetting.minClusterSize"]),
    ],
)
def test_balancers(balancer, expected):
    assert found(balancer, OUTLIERS) == expected


def test_failover_without_outlier_detection():
    failover = "failover: [{from: eu, to: us}]"
    assert found(f"{{localityLbSetting: {{{failover}}}}}") == ["warning .localityLbSetting"]
    assert found(f"{{zoneAwareLbSetting: {{{failover}}}}}") == ["warning .zoneAwareLbSetting"]
