import pytest

from tests.support.manifests import checked


def found(policy):
    problems = checked("DestinationRule", f"{{host: a, trafficPolicy: {policy}}}")
    return [one.replace("spec.trafficPolicy", "") for one in problems]


@pytest.mark.parametrize(
    "policy",
    [
        "{outlierDetection: {interval: 1s, maxEjectionPercent: 100}}",
        "{outlierDetection: {consecutiveLocalOriginFailures: 1, "
        "splitExternalLocalOriginErrors: true}}",
        "{connectionPool: {tcp: {idleTimeout: 0s, connectTimeout: 1ms}}}",
        "{connectionPool: {http: {http2KeepAlive: {interval: 15s, timeout: 5s}}}}",
        "{loadBalancer: {consistentHash: {httpCookie: {name: a, ttl: 0s}, "
        "maglev: {tableSize: 101}}}}",
        "{tls: {mode: MUTUAL, credentialName: a}}",
        "{tls: {mode: SIMPLE, credentialName: 'configmap://shop/a'}}",
        "{tls: {mode: SIMPLE, insecureSkipVerify: true}}",
        "{tls: {mode: ISTIO_MUTUAL}}",
        "{tunnel: {protocol: POST, targetHost: 10.0.0.1, targetPort: 80}}",
        "{proxyProtocol: {version: V2}}",
        "{retryBudget: {percent: 20}}",
        "{portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]}",
    ],
)
def test_what_is_right(policy):
    assert found(policy) == []


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("{}", ["error "]),
        ("{portLevelSettings: []}", ["error "]),
        (
            "{tunnel: {targetHost: a, targetPort: 1}, proxyProtocol: {}}",
            ["error "],
        ),
        ("{tunnel: {targetHost: a_b, targetPort: 1}}", ["error .tunnel.targetHost"]),
        ("{tunnel: {targetHost: a, targetPort: 0}}", ["error .tunnel.targetPort"]),
        ("{tunnel: {targetHost: a}}", ["error .tunnel"]),
        ("{tunnel: {targetHost: a, targetPort: 1, protocol: GET}}", ["error .tunnel.protocol"]),
        ("{retryBudget: {percent: 101}}", ["error .retryBudget.percent"]),
        ("{proxyProtocol: {version: V3}}", ["error .proxyProtocol.version"]),
        ("{outlierDetection: {interval: 0s}}", ["error .outlierDetection.interval"]),
        (
            "{outlierDetection: {baseEjectionTime: -1s}}",
            ["error .outlierDetection.baseEjectionTime"],
        ),
        (
            "{outlierDetection: {consecutiveErrors: 1}}",
            ["warning .outlierDetection.consecutiveErrors"],
        ),
        (
            "{outlierDetection: {consecutiveLocalOriginFailures: 1}}",
            ["error .outlierDetection.consecutiveLocalOriginFailures"],
        ),
        (
            "{outlierDetection: {maxEjectionPercent: 101}}",
            ["error .outlierDetection.maxEjectionPercent"],
        ),
        (
            "{outlierDetection: {minHealthPercent: -1}}",
            ["error .outlierDetection.minHealthPercent"],
        ),
        (
            "{outlierDetection: {consecutive5xxErrors: -1}}",
            ["error .outlierDetection.consecutive5xxErrors"],
        ),
        (
            "{outlierDetection: {outlierDetectionHttpErrorCodes: [99]}}",
            ["error .outlierDetection.outlierDetectionHttpErrorCodes[0]"],
        ),
        (
            "{portLevelSettings: [{loadBalancer: {simple: RANDOM}}]}",
            ["error .portLevelSettings[0]"],
        ),
        ("{portLevelSettings: [{port: {number: 1}}]}", ["error .portLevelSettings[0]"]),
        (
            "{portLevelSettings: [{port: {number: 1}, tls: {mode: MUTUAL}}]}",
            ["error .portLevelSettings[0].tls"] * 2,
        ),
        ("{tls: {mode: MUTUAL, clientCertificate: a}}", ["error .tls"]),
        ("{tls: {mode: MUTUAL, privateKey: a}}", ["error .tls"]),
        ("{tls: {mode: SIMPLE, credentialName: a, caCertificates: b}}", ["error .tls"]),
        ("{tls: {mode: MUTUAL, credentialName: a, caCrl: b}}", ["error .tls"]),
        (
            "{tls: {mode: SIMPLE, insecureSkipVerify: true, credentialName: b}}",
            ["error .tls.insecureSkipVerify"],
        ),
        (
            "{tls: {mode: MUTUAL, insecureSkipVerify: true, credentialName: b, "
            "subjectAltNames: [a]}}",
            ["error .tls.insecureSkipVerify"],
        ),
        ("{tls: {credentialName: 'configmap://other/a'}}", ["error .tls.credentialName"]),
        ("{tls: {credentialName: 'configmap://shop'}}", ["error .tls.credentialName"]),
        ("{tls: {mode: NONE}}", ["error .tls.mode"]),
    ],
)
def test_what_is_wrong(policy, expected):
    assert found(policy) == expected
