import pytest

from tests.support.manifests import checked


def probe(text):
    return f"{{template: {{}}, probe: {text}}}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{template: {}}", []),
        ("{template: {serviceAccount: a, ports: {http: 80}}, metadata: {labels: {a: b}}}", []),
        (probe("{httpGet: {port: 80, scheme: HTTPS, httpHeaders: [{name: x-a, value: b}]}}"), []),
        (probe("{tcpSocket: {port: 80}, periodSeconds: 1}"), []),
        (probe("{exec: {command: [a]}}"), []),
        (probe("{grpc: {}}"), []),
        ("{}", ["error spec"]),
        ("{template: {}, metadata: {labels: {a: '!'}}}", ["error spec.metadata.labels.a"]),
        ("{template: {address: 'unix://x'}}", ["error spec.template.address"]),
        ("{template: {address: 'unix:///x', ports: {}}}", ["error spec.template.ports"]),
        ("{template: {ports: {a: 0}}}", ["error spec.template.ports.a"]),
        (probe("{}"), ["error spec.probe"]),
        (probe("{tcpSocket: {port: 80}, exec: {command: [a]}}"), ["error spec.probe"]),
        (probe("{httpGet: {port: 0}}"), ["error spec.probe.httpGet.port"]),
        (probe("{httpGet: {}}"), ["error spec.probe.httpGet"]),
        (probe("{httpGet: {port: 80, scheme: http}}"), ["error spec.probe.httpGet.scheme"]),
        (
            probe("{httpGet: {port: 80, httpHeaders: [{name: 'a b'}]}}"),
            ["error spec.probe.httpGet.httpHeaders[0].name"],
        ),
        (probe("{tcpSocket: {port: 70000}}"), ["error spec.probe.tcpSocket.port"]),
        (probe("{exec: {command: []}}"), ["error spec.probe.exec.command"]),
        (probe("{exec: {command: ['']}}"), ["error spec.probe.exec.command[0]"]),
        (probe("{grpc: {port: 0}}"), ["error spec.probe.grpc.port"]),
        *(
            (probe(f"{{tcpSocket: {{port: 80}}, {name}: -1}}"), [f"error spec.probe.{name}"])
            for name in (
                "periodSeconds",
                "initialDelaySeconds",
                "timeoutSeconds",
                "successThreshold",
                "failureThreshold",
            )
        ),
    ],
)
def test_a_group(spec, expected):
    assert checked("WorkloadGroup", spec) == expected
