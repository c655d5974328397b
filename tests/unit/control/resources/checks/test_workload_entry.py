import pytest

from tests.support.manifests import checked


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{address: 10.0.0.1, ports: {http: 80}, labels: {app: a}}", []),
        ("{address: a.com}", []),
        ("{address: 'unix:///run/x'}", []),
        ("{}", ["error spec.address"]),
        ("", ["error spec.address"]),
        ("{network: a}", ["warning spec.address"]),
        ("{address: a_b}", ["error spec.address"]),
        ("{address: 'unix://'}", ["error spec.address"]),
        ("{address: 'unix:///a/'}", ["error spec.address"]),
        ("{address: 'unix:///a', ports: {}}", ["error spec.ports"]),
        ("{address: 10.0.0.1, ports: {a_b: 1}}", ["error spec.ports.a_b"]),
        ("{address: 10.0.0.1, ports: {a: 0}}", ["error spec.ports.a"]),
        ("{address: 10.0.0.1, ports: {a: -1}}", ["error spec.ports.a"]),
        ("{address: 10.0.0.1, labels: {a b: c}}", ["error spec.labels.a b"]),
        ("{address: 10.0.0.1, weight: -1}", ["error spec.weight"]),
        (f"{{address: {'a' * 257}}}", ["error spec.address"]),
        (f"{{address: a, serviceAccount: {'a' * 254}}}", ["error spec.serviceAccount"]),
        (f"{{address: a, locality: {'a' * 2049}}}", ["error spec.locality"]),
    ],
)
def test_an_endpoint(spec, expected):
    assert checked("WorkloadEntry", spec) == expected
