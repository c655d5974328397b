"""A control plane that is asked what it does: metrics, pages, `wait`, `proxy-status`."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request

import pytest

from lateen.xds.resource_types import CDS, EDS, LDS, RDS
from tests.support.mesh_client import AdsClient, control_plane
from tests.support.waiting import until

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 80}]}
"""
SLICE = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a-1, namespace: default, labels: {kubernetes.io/service-name: a}}
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [ADDRESS]}]
"""
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: default}
spec: {hosts: [a], http: [{timeout: 5s, route: [{destination: {host: a}}]}]}
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: default}
data: {tls.key: c2VjcmV0LWtleQ==}
"""
CLUSTER = "outbound|80||a.default.svc.cluster.local"
NODE = "sidecar~10.0.0.1~a-1.default~default.svc.cluster.local"


@pytest.fixture
def plane(tmp_path):
    (tmp_path / "service.yaml").write_text(SERVICE)
    (tmp_path / "secret.yaml").write_text(SECRET)
    (tmp_path / "slice.yaml").write_text(SLICE.replace("ADDRESS", "10.0.0.9"))
    with control_plane(tmp_path) as made:
        yield made


@pytest.fixture
def client(plane):
    with AdsClient(plane.port, NODE) as made:
        made.fetch(CDS.type_url)
        made.fetch(EDS.type_url, CLUSTER)
        made.fetch(LDS.type_url)
        made.fetch(RDS.type_url, "80")
        yield made


def get(plane, path):
    with urllib.request.urlopen(f"http://{plane.monitoring}{path}", timeout=10) as answer:
        return answer.read().decode()


def page(plane, path):
    return json.loads(get(plane, f"/debug/{path}"))


def metric(plane, name):
    lines = get(plane, "/metrics").splitlines()
    return next((float(one.split()[-1]) for one in lines if one.startswith(f"{name} ")), None)


def test_the_metrics_count_what_is_pushed_and_refused(plane, client):
    assert metric(plane, 'pilot_xds_pushes{type="cds"}') == 1
    assert metric(plane, "pilot_xds") == 1
    assert metric(plane, "pilot_services") == 1
    assert metric(plane, "pilot_virt_services") == 0
    plane.write("route.yaml", ROUTE)
    pushed = client.next()
    client.acknowledge(pushed, "no such route")
    until(lambda: metric(plane, 'pilot_total_xds_rejects{type="rds"}') == 1)
    assert metric(plane, 'pilot_xds_pushes{type="rds"}') == 2
    assert metric(plane, 'pilot_push_triggers{type="config"}') == 1
    assert metric(plane, "pilot_virt_services") == 1
    assert metric(plane, "pilot_proxy_convergence_time_count") == 1
    assert metric(plane, "pilot_debounce_time_count") == 1
    client.acknowledge(pushed.__class__(RDS.type_url, "", "an old nonce"))
    until(lambda: metric(plane, 'pilot_xds_expired_nonce{type="rds"}') == 1)


def test_endpoints_do_not_wait_and_a_virtual_service_does(plane, client):
    plane.write("slice.yaml", SLICE.replace("ADDRESS", "10.0.0.8"))
    pushed = client.next()
    assert (pushed.type_url, [one.name for one in pushed.resources]) == (EDS.type_url, [CLUSTER])
    assert metric(plane, "pilot_debounce_time_count") is None
    assert metric(plane, 'pilot_push_triggers{type="endpoint"}') == 1
    plane.write("route.yaml", ROUTE)
    pushed = client.next()
    assert (pushed.type_url, [one.name for one in pushed.resources]) == (RDS.type_url, ["80"])
    assert metric(plane, "pilot_debounce_time_count") == 1


def test_the_pages_have_istios_shapes(plane, client):
    (status,) = page(plane, "syncz")
    assert status["proxy"] == "a-1.default"
    assert status["cluster_sent"] == status["cluster_acked"] != ""
    (connected,) = page(plane, "adsz")["clients"]
    assert connected["watches"][EDS.type_url] == [CLUSTER]
    (service,) = page(plane, "registryz")
    assert (service["hostname"], service["Attributes"]["Namespace"]) == (
        "a.default.svc.cluster.local",
        "default",
    )
    shards = page(plane, "endpointShardz")["a.default.svc.cluster.local"]["default"]["Shards"]
    assert [one["Addresses"] for found in shards.values() for one in found] == [["10.0.0.9"]]
    assert page(plane, "push_status") == {"ProxyStatus": {"pilot_eds_no_instances": {}}}
    plane.write("route.yaml", ROUTE)
    until(lambda: page(plane, "configz"))
    (routes,) = page(plane, "configz")
    assert (routes["kind"], routes["spec"]["hosts"]) == ("VirtualService", ["a"])
    assert get(plane, "/ready") == "ready\n"


def test_the_dump_of_a_proxy_has_what_it_was_sent_and_no_secret(plane, client):
    dump = page(plane, "config_dump?proxyID=a-1.default")
    kinds = {one["@type"].rpartition(".")[2]: one for one in dump["configs"]}
    names = [
        one["cluster"]["name"] for one in kinds["ClustersConfigDump"]["dynamic_active_clusters"]
    ]
    assert CLUSTER in names
    (routes,) = kinds["RoutesConfigDump"]["dynamic_route_configs"]
    assert routes["route_config"]["name"] == "80"
    for path in ("configz", "registryz", "config_dump?proxyID=a-1.default", "adsz"):
        text = get(plane, f"/debug/{path}")
        assert "c2VjcmV0" not in text
        assert "secret-key" not in text
    for path, status in (("config_dump", 400), ("config_dump?proxyID=x", 404), ("none", 404)):
        with pytest.raises(urllib.error.HTTPError) as raised:
            page(plane, path)
        assert raised.value.code == status


def test_wait_tells_when_all_have_a_change_and_who_has_not(plane, client):
    done = plane.run("wait")
    assert (done.returncode, done.stdout) == (0, "1 proxies have generation 1\n")
    file = plane.write("route.yaml", ROUTE)
    pushed = client.next()
    done = plane.run("wait", "--for", str(file), "--timeout", "500ms")
    assert (done.returncode, done.stdout) == (1, "")
    assert "a-1.default-1 has generation 1" in done.stderr
    client.acknowledge(pushed)
    done = plane.run("wait", "--for", str(file), "--proxy", "a-1.default")
    assert (done.returncode, done.stdout) == (0, "1 proxies have generation 2\n")
    file.unlink()
    client.acknowledge(client.next(), "RDS 80 is not welcome")
    done = plane.run("wait", "--for", str(file), "--timeout", "500ms")
    assert done.returncode == 1
    assert "refused: RDS 80 is not welcome" in done.stderr


def test_wait_for_a_file_with_a_mistake_or_of_elsewhere_says_so(plane, tmp_path_factory):
    file = plane.write("route.yaml", ROUTE.replace("timeout", "tim"))
    done = plane.run("wait", "--for", str(file))
    assert done.returncode == 1
    assert "route.yaml:4:" in done.stderr
    elsewhere = tmp_path_factory.mktemp("else") / "x.yaml"
    elsewhere.write_text(ROUTE)
    done = plane.run("wait", "--for", str(elsewhere))
    assert "is not in the directory that the control plane reads" in done.stderr
    done = plane.run("wait", "--proxy", "nobody.default", "--timeout", "200ms")
    assert "nobody.default is not connected" in done.stderr
    assert plane.run("wait", "--timeout", "soon").returncode == 1


def test_proxy_status_says_what_is_stale(plane, client):
    done = plane.run("proxy-status")
    assert done.returncode == 0
    head, row = done.stdout.splitlines()
    assert head.split() == ["NAME", "CLUSTER", "CDS", "LDS", "EDS", "RDS", "ECDS", "VERSION"]
    assert row.split()[:6] == ["a-1.default", "Kubernetes", *["SYNCED"] * 4]
    assert "NOT SENT" in row
    plane.write("route.yaml", ROUTE)
    pushed = client.next()
    assert plane.run("proxy-status").stdout.splitlines()[1].split()[5] == "STALE"
    client.acknowledge(pushed, "no")
    time.sleep(0.2)
    done = plane.run("proxy-status", "a-1.default")
    assert done.stdout.endswith("refused: rds 80: no\n")
    assert plane.run("proxy-status", "nobody.default").returncode == 1


def test_nobody_at_the_address_is_told_without_a_traceback(plane):
    plane.process.terminate()
    plane.process.wait(20)
    for command in ("wait", "proxy-status"):
        done = plane.run(command)
        assert done.returncode == 1
        assert done.stderr.startswith(f"lateen {command}: no control plane answers at")
        assert "Traceback" not in done.stderr
