from tests.support.analysis import INJECTED, manifest, told

ANALYZER = "deployment.MultiServiceAnalyzer"
DEPLOYMENT = manifest(
    "Deployment", "web", "{template: {metadata: {labels: {app: web}}, spec: {containers: []}}}"
)


def service(name, port, selector="{app: web}", namespace="shop"):
    spec = f"{{selector: {selector}, ports: [{port}]}}"
    return manifest("Service", name, spec, namespace=namespace)


def test_one_port_of_two_protocols():
    both = service("a", "{port: 80}") + service("b", "{port: 80, protocol: UDP}")
    assert told(ANALYZER, INJECTED + DEPLOYMENT + both) == ["IST0116 Deployment shop/web 8"]


def test_one_target_of_two_ports():
    both = service("a", "{port: 80, targetPort: 8}") + service("b", "{port: 81, targetPort: 8}")
    assert told(ANALYZER, INJECTED + DEPLOYMENT + both) == ["IST0137 Deployment shop/web 8"]
    both = service("a", "{port: 80, targetPort: web}") + service("b", "{port: 81, targetPort: web}")
    assert told(ANALYZER, INJECTED + DEPLOYMENT + both) == ["IST0137 Deployment shop/web 8"]


def test_services_that_do_not_contradict():
    one = service("a", "{port: 80}")
    for other in (
        service("b", "{port: 80}"),
        service("b", "{port: 81}"),
        service("b", "{port: 80, protocol: UDP}", "{}"),
        service("b", "{port: 80, protocol: UDP}", "{app: other}"),
        service("b", "{port: 80, protocol: UDP}", namespace="other"),
    ):
        assert told(ANALYZER, INJECTED + DEPLOYMENT + one + other) == []


def test_deployments_out_of_the_mesh_and_waypoints_are_left_alone():
    both = service("a", "{port: 80}") + service("b", "{port: 80, protocol: UDP}")
    assert told(ANALYZER, DEPLOYMENT + both) == []
    waypoint = DEPLOYMENT.replace(
        "labels: {}", "labels: {gateway.istio.io/managed: istio.io-mesh-controller}"
    )
    assert told(ANALYZER, INJECTED + waypoint + both) == []
