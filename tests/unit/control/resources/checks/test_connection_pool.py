import pytest

from tests.support.manifests import checked


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ("{}", [""]),
        ("{http: {http1MaxPendingRequests: -1}}", [".http.http1MaxPendingRequests"]),
        ("{http: {http2MaxRequests: -1}}", [".http.http2MaxRequests"]),
        ("{http: {maxRequestsPerConnection: -1}}", [".http.maxRequestsPerConnection"]),
        ("{http: {maxRetries: -1}}", [".http.maxRetries"]),
        ("{http: {maxConcurrentStreams: -1}}", [".http.maxConcurrentStreams"]),
        ("{http: {idleTimeout: 0s}}", [".http.idleTimeout"]),
        (
            "{http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}",
            [".http.useClientProtocol"],
        ),
        ("{http: {http2KeepAlive: {interval: 1s}}}", [".http.http2KeepAlive.timeout"]),
        ("{http: {http2KeepAlive: {timeout: 1s}}}", [".http.http2KeepAlive.interval"]),
        ("{tcp: {maxConnections: -1}}", [".tcp.maxConnections"]),
        ("{tcp: {connectTimeout: 0s}}", [".tcp.connectTimeout"]),
        ("{tcp: {maxConnectionDuration: 1ns}}", [".tcp.maxConnectionDuration"]),
        ("{tcp: {idleTimeout: -1s}}", [".tcp.idleTimeout"]),
        (
            "{tcp: {tcpKeepalive: {time: 0s, interval: 0s}}}",
            [".tcp.tcpKeepalive.time", ".tcp.tcpKeepalive.interval"],
        ),
        ("{tcp: {tcpKeepalive: {probes: -1}}}", [".tcp.tcpKeepalive.probes"]),
    ],
)
def test_pools(pool, expected):
    found = checked("DestinationRule", f"{{host: a, trafficPolicy: {{connectionPool: {pool}}}}}")
    assert found == [f"error spec.trafficPolicy.connectionPool{one}" for one in expected]
