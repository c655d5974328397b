import pytest

from tests.support.manifests import checked


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{concurrency: 0, image: {imageType: distroless}}", []),
        ("{concurrency: -1}", ["error spec.concurrency"]),
        (f"{{environmentVariables: {{A: {'a' * 2049}}}}}", ["error spec.environmentVariables.A"]),
        ("{selector: {matchLabels: {'a*': b}}}", ["error spec.selector.matchLabels.a*"]),
        ("{selector: {}}", ["warning spec.selector"]),
    ],
)
def test_a_proxy_config(spec, expected):
    assert checked("ProxyConfig", spec) == expected
