from tests.support.analysis import INJECTED, manifest, messages, told

ANALYZER = "auth.AuthorizationPoliciesAnalyzer"
POD = manifest("Pod", "web", "{containers: [{name: a}]}", labels="{app: web}")


def policy(spec="{}", namespace="shop"):
    return manifest("AuthorizationPolicy", "p", spec, namespace=namespace)


def test_a_policy_is_about_pods_of_the_mesh():
    selector = "{selector: {matchLabels: {app: web}}}"
    assert told(ANALYZER, INJECTED + POD + policy(selector)) == []
    assert told(ANALYZER, INJECTED + POD + policy()) == []
    other = selector.replace("web", "other")
    assert told(ANALYZER, INJECTED + POD + policy(other)) == [
        "IST0127 AuthorizationPolicy shop/p 14"
    ]


def test_pods_without_a_sidecar_are_none():
    assert told(ANALYZER, POD + policy()) == ["IST0127 AuthorizationPolicy shop/p 8"]
    ambient = POD.replace("annotations: {}", "annotations: {ambient.istio.io/redirection: enabled}")
    assert told(ANALYZER, ambient + policy()) == []
    inject = POD.replace("app: web", "app: web, sidecar.istio.io/inject: 'true'")
    assert told(ANALYZER, inject + policy()) == []


def test_a_policy_of_the_root_namespace_is_about_all():
    root = policy("{selector: {matchLabels: {app: web}}}", "istio-system")
    assert told(ANALYZER, INJECTED + POD + root) == []
    assert told(ANALYZER, root) == ["IST0127 AuthorizationPolicy istio-system/p 4"]
    assert told(ANALYZER, policy(namespace="istio-system")) == []


def test_namespaces_of_sources_are_there():
    source = (
        "{from: [{source: {namespaces: ['sh*', '*op', '*', SHOP, other], notNamespaces: [nope]}}]}"
    )
    found = messages(ANALYZER, INJECTED + POD + policy(f"{{rules: [{source}]}}"))
    assert [(one.type.code, one.text) for one in found] == [
        ("IST0101", "There is no namespace 'nope'"),
        ("IST0101", "There is no namespace 'other'"),
    ]
