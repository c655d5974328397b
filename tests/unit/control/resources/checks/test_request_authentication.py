import pytest

from tests.support.manifests import checked

PUBLIC = '{"kty": "RSA", "n": "x", "e": "AQAB"}'


def rule(text):
    return f"{{jwtRules: [{{{text}}}]}}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (rule("issuer: a, audiences: [b], timeout: 1s"), []),
        (rule("jwksUri: 'https://a.com/keys'"), []),
        (rule(f"issuer: a, jwks: '{{\"keys\": [{PUBLIC}]}}'"), []),
        (rule(f"issuer: a, jwks: '{PUBLIC}'"), []),
        ("{targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: a}]}", []),
        (rule(""), ["error spec.jwtRules[0]"]),
        (rule("issuer: ''"), ["error spec.jwtRules[0].issuer"]),
        (rule("issuer: a, jwksUri: ''"), ["error spec.jwtRules[0].jwksUri"]),
        (
            rule(f"issuer: a, spaceDelimitedClaims: [{', '.join('b' * 65)}]"),
            ["error spec.jwtRules[0].spaceDelimitedClaims"],
        ),
        (rule("issuer: a, audiences: ['']"), ["error spec.jwtRules[0].audiences[0]"]),
        (rule("jwksUri: 'ftp://a'"), ["error spec.jwtRules[0].jwksUri"]),
        (rule("jwksUri: 'a.com'"), ["error spec.jwtRules[0].jwksUri"]),
        (rule("jwksUri: 'https://a:b/'"), ["error spec.jwtRules[0].jwksUri"]),
        (
            rule("jwksUri: 'https://a', jwks: '{}'"),
            ["error spec.jwtRules[0]", "error spec.jwtRules[0].jwks"],
        ),
        (rule("issuer: a, jwks: x"), ["error spec.jwtRules[0].jwks"]),
        (rule(f"issuer: a, jwks: '{{\"keys\": {'[' * 9999}'"), ["error spec.jwtRules[0].jwks"]),
        (rule("issuer: a, jwks: '{\"keys\": 1}'"), ["error spec.jwtRules[0].jwks"]),
        (rule('issuer: a, jwks: \'{"kty": "oct"}\''), ["warning spec.jwtRules[0].jwks"]),
        (
            rule('issuer: a, jwks: \'{"keys": [{"kty": "EC", "d": "x"}]}\''),
            ["warning spec.jwtRules[0].jwks"],
        ),
        (
            rule("issuer: a, fromHeaders: [{name: ''}]"),
            ["error spec.jwtRules[0].fromHeaders[0].name"],
        ),
        (rule("issuer: a, fromHeaders: [{}]"), ["error spec.jwtRules[0].fromHeaders[0]"]),
        (rule("issuer: a, fromParams: ['']"), ["error spec.jwtRules[0].fromParams[0]"]),
        (rule("issuer: a, fromCookies: ['']"), ["error spec.jwtRules[0].fromCookies[0]"]),
        (
            rule("issuer: a, outputClaimToHeaders: [{header: 'x y', claim: a}]"),
            ["error spec.jwtRules[0].outputClaimToHeaders[0].header"],
        ),
        (
            rule("issuer: a, outputClaimToHeaders: [{header: x, claim: ''}]"),
            ["error spec.jwtRules[0].outputClaimToHeaders[0].claim"],
        ),
        (rule("issuer: a, timeout: 0s"), ["error spec.jwtRules[0].timeout"]),
        (
            "{selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]}",
            ["error spec"],
        ),
        ("{targetRef: {kind: Pod, name: a}}", ["error spec.targetRef"]),
        ("{targetRef: {kind: Service, name: ''}}", ["error spec.targetRef.name"]),
        ("{targetRef: {kind: Service, name: a, namespace: b}}", ["error spec.targetRef.namespace"]),
        ("{targetRefs: [{kind: Service, group: 'A!', name: a}]}", ["error spec.targetRefs[0]"]),
    ],
)
def test_a_policy(spec, expected):
    assert checked("RequestAuthentication", spec) == expected


def test_a_policy_is_attached_to_16_resources_at_most():
    refs = ", ".join(f"{{kind: Service, name: a{index}}}" for index in range(17))
    assert checked("RequestAuthentication", f"{{targetRefs: [{refs}]}}") == [
        "error spec.targetRefs"
    ]
