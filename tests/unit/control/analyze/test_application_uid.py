from tests.support.analysis import manifest, told

ANALYZER = "applicationUID.Analyzer"
USER = "securityContext: {runAsUser: 1337}"


def test_the_user_of_a_pod_and_of_its_containers():
    pod = manifest("Pod", "a", f"{{{USER}, containers: [{{name: b, {USER}}}]}}")
    assert told(ANALYZER, pod) == ["IST0144 Pod shop/a 4"]
    pod = manifest("Pod", "a", f"{{containers: [{{name: b, {USER}}}]}}")
    assert told(ANALYZER, pod) == ["IST0144 Pod shop/a 4"]


def test_the_user_of_a_deployments_pods():
    template = f"{{template: {{spec: {{containers: [{{name: b, {USER}}}]}}}}}}"
    assert told(ANALYZER, manifest("Deployment", "a", template)) == ["IST0144 Deployment shop/a 4"]


def test_the_sidecar_other_users_and_the_control_plane_are_right():
    for spec in (
        f"{{containers: [{{name: istio-proxy, {USER}}}]}}",
        "{securityContext: {runAsUser: 1338}, containers: [{name: b}]}",
    ):
        assert told(ANALYZER, manifest("Pod", "a", spec)) == []
    assert told(ANALYZER, manifest("Pod", "a", f"{{{USER}}}", labels="{istio: pilot}")) == []
