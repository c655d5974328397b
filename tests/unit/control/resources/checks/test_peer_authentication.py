import pytest

from tests.support.manifests import checked

SELECTOR = "selector: {matchLabels: {a: b}}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (f"{{{SELECTOR}, mtls: {{mode: STRICT}}, portLevelMtls: {{80: {{mode: DISABLE}}}}}}", []),
        ("{selector: {}}", ["warning spec.selector"]),
        ("{mtls: {mode: X}}", ["error spec.mtls.mode"]),
        ("{portLevelMtls: {80: {}}}", ["error spec.portLevelMtls"]),
        (f"{{{SELECTOR}, portLevelMtls: {{}}}}", ["error spec.portLevelMtls"]),
        (f"{{{SELECTOR}, portLevelMtls: {{0: {{}}}}}}", ["error spec.portLevelMtls.0"]),
        (f"{{{SELECTOR}, portLevelMtls: {{65536: {{}}}}}}", ["error spec.portLevelMtls.65536"]),
        (f"{{{SELECTOR}, portLevelMtls: {{web: {{}}}}}}", ["error spec.portLevelMtls"]),
        ("{selector: {matchLabels: {'': b}}}", ["error spec.selector.matchLabels."]),
        (
            f"{{selector: {{matchLabels: {{a: {'b' * 64}}}}}}}",
            ["error spec.selector.matchLabels.a"],
        ),
    ],
)
def test_a_policy(spec, expected):
    assert checked("PeerAuthentication", spec) == expected
