"""Which instances a mesh has, where they are reached and where their applications listen."""

from lateen.mesh.plan import Mode, proxy_variables
from tests.support.meshes import planned


def by_name(plan):
    return {one.name: one for one in plan.instances}


def test_namespaces_give_each_instance_an_address_and_all_its_ports(tmp_path):
    found = by_name(planned(tmp_path, Mode.namespaces))
    assert {name: one.address for name, one in found.items()} == {
        "ingress-1": "198.18.3.2",
        "web-v1-1": "198.18.3.3",
        "web-v2-1": "198.18.3.4",
        "outside-1": "198.18.3.5",
    }
    web = found["web-v1-1"]
    assert [(one.target, one.bound) for one in web.ports] == [(8080, 8080), (9000, 9000)]
    assert (web.host, web.ready_port, web.admin_port) == ("0.0.0.0", 15021, 15000)
    assert web.labels["lateen.dev/instance"] == "web-v1-1"


def test_without_namespaces_the_application_is_behind_its_sidecar(tmp_path):
    found = by_name(planned(tmp_path, Mode.loopback))
    web, other, outside = found["web-v1-1"], found["web-v2-1"], found["outside-1"]
    assert (web.address, web.host) == ("127.77.3.3", "127.0.0.1")
    assert [one.target for one in web.ports] == [8080, 9000]
    used = [
        number
        for one in (found["ingress-1"], web, other)
        for number in (one.ready_port, one.admin_port)
    ] + [port.bound for one in (web, other) for port in one.ports]
    assert len(set(used)) == len(used) == 10
    assert min(used) == 20000
    # Nobody is before it: it listens where it is called.
    assert (outside.host, outside.ports[0].bound) == ("127.77.3.5", 90)


def test_the_environment_tells_where_to_listen(tmp_path):
    found = by_name(planned(tmp_path, Mode.namespaces))
    assert found["web-v1-1"].environment == {
        "HOST": "0.0.0.0",
        "LATEEN_INSTANCE": "web-v1-1",
        "PORT": "8080",
        "PORT_HTTP": "8080",
        "PORT_GRPC": "9000",
    }
    # What the mesh file says counts.
    assert found["web-v2-1"].environment["PORT"] == "7"


def test_requests_go_through_the_sidecar_but_for_those_to_the_application_itself(tmp_path):
    web = by_name(planned(tmp_path, Mode.loopback))["web-v1-1"]
    variables = dict(proxy_variables(web))
    assert variables["http_proxy"] == variables["HTTP_PROXY"] == "http://127.77.3.3:15001"
    assert variables["no_proxy"] == variables["NO_PROXY"] == "localhost,127.0.0.1"
