"""What is made anew after which change, and that it is what would be made from nothing."""

import pytest

from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from lateen.control.push import parts
from lateen.control.push.endpoints import only_traffic
from lateen.control.push.generated import Generated
from lateen.control.push.lookups import PROXY
from lateen.xds.resource_types import CDS, EDS, LDS, NDS_TYPE_URL, RDS
from tests.support.manifests import resources
from tests.support.mesh import DOMAIN, sidecar

CLUSTERS, ENDPOINTS, LISTENERS, ROUTES = (one.type_url for one in (CDS, EDS, LDS, RDS))
NAMES = {CLUSTERS: "clusters", ENDPOINTS: "endpoints", LISTENERS: "listeners", ROUTES: "routes"}
NAMES[NDS_TYPE_URL] = "names"
BASE = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: other}
spec: {clusterIP: 10.1.0.2, ports: [{name: http, port: 80}, {name: tcp, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: h, namespace: default}
spec: {clusterIP: None, ports: [{name: tcp-h, port: 7000}]}
"""
SLICE = """
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  {name: NAME-1, namespace: SPACE, labels: {kubernetes.io/service-name: NAME}}
ports: [{name: PORT, port: 8080}]
endpoints: [{addresses: [ADDRESS]}]
"""
VIRTUAL_SERVICE = """
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: default}
spec: {hosts: [a], http: [{timeout: 5s, route: [{destination: {host: a}}]}]}
"""
RULE = """
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a, namespace: SPACE}
spec: {host: a.default.svc.cluster.local, trafficPolicy: {connectionPool: {http: {maxRetries: 3}}}}
"""
SUBSET = RULE.replace("spec: {", "spec: {subsets: [{name: v1, labels: {v: '1'}}], ")
HEADLESS = """
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: e, namespace: SPACE}
spec:
  hosts: [e.example.com]
  location: MESH_INTERNAL
  resolution: NONE
  ports: [{number: 80, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: e}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: e, namespace: SPACE, labels: {app: e}}
spec: {address: ADDRESS}
"""
STRICT = """
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec: {mtls: {mode: MODE}}
"""
POLICY = """
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: some, namespace: default}
spec:
  selector: {matchLabels: {app: server}}
  rules: [{from: [{source: {namespaces: [x]}}]}]
"""
NEW = """
---
apiVersion: v1
kind: Service
metadata: {name: new, namespace: default}
spec: {clusterIP: 10.1.0.9, ports: [{name: http, port: 80}]}
"""
POD = """
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: default, labels: {security.istio.io/tlsMode: istio}}
spec: {serviceAccountName: someone, containers: []}
status: {podIP: 10.0.1.1}
"""
SERVER, CLIENT, STRANGER = (
    sidecar("10.0.1.1", "default", {"app": "server"}, "server-1"),
    sidecar("10.0.9.1", "default", {"app": "client"}, "client-1"),
    sidecar("10.0.9.2", "other", {"app": "client"}, "client-2"),
)
CONFIG = MeshConfig()
PROXIES = (SERVER, CLIENT, STRANGER)
A, B9000, B80 = (
    "outbound|80||a.default.svc.cluster.local",
    "outbound|9000||b.other.svc.cluster.local",
    "outbound|80||b.other.svc.cluster.local",
)
H = "outbound|7000||h.default.svc.cluster.local"


def slices(name="a", space="default", port="http", address="10.0.1.1"):
    text = SLICE.replace("NAME", name).replace("SPACE", space)
    return text.replace("PORT", port).replace("ADDRESS", address)


def alike(names):
    """The same for the server, the client and the stranger."""
    return {"s": names, "c": names, "x": names}


START = BASE + slices() + slices("b", "other", "http", "10.0.2.1")
#: what is added, and by proxy and type what is not the same then
CHANGES = {
    "a virtual service": (VIRTUAL_SERVICE, alike({"routes": {"80"}})),
    "a rule of one namespace": (
        RULE.replace("SPACE", "other"),
        {"s": {}, "c": {}, "x": {"clusters": {A}}},
    ),
    "a rule of the service's": (
        RULE.replace("SPACE", "default"),
        {
            "s": {"clusters": {A, "inbound|8080||"}},
            "c": {"clusters": {A}},
            "x": {"clusters": {A}},
        },
    ),
    "a subset": (
        SUBSET.replace("SPACE", "other"),
        {
            "s": {},
            "c": {},
            "x": {"clusters": {A, "outbound|80|v1|a.default.svc.cluster.local"}},
        },
    ),
    "mutual TLS as it is": (STRICT.replace("MODE", "PERMISSIVE"), alike({})),
    "no mutual TLS": (
        STRICT.replace("MODE", "DISABLE"),
        {
            "s": {"clusters": {A}, "listeners": {"virtualInbound"}},
            "c": {"clusters": {A}, "listeners": {"virtualInbound"}},
            "x": {"clusters": {A}},
        },
    ),
    "a policy of one workload": (
        POLICY,
        {"s": {"listeners": {"virtualInbound"}}, "c": {}, "x": {}},
    ),
    "a service": (
        NEW,
        alike(
            {
                "clusters": {"outbound|80||new.default.svc.cluster.local"},
                "routes": {"80"},
                "names": {""},
            }
        ),
    ),
    "more endpoints": (
        slices(address="10.0.1.7").replace("name: a-1", "name: a-2"),
        alike({"endpoints": {A}}),
    ),
    "an endpoint of a headless service": (
        slices("h", port="tcp-h", address="10.0.3.1"),
        alike({"endpoints": {H}, "listeners": {"10.0.3.1_7000"}, "names": {""}}),
    ),
    "an identity": (
        POD,
        {
            "s": {"clusters": {A}, "endpoints": {A}},
            "c": {"clusters": {A}, "endpoints": {A}},
            "x": {"clusters": {A}, "endpoints": {A}},
        },
    ),
    "a service of a workload": (
        slices("b", "other", "tcp", "10.0.1.1").replace("b-1", "b-2").replace("8080", "9090"),
        {
            "s": {
                "clusters": {"inbound|9090||"},
                "endpoints": {B9000},
                "listeners": {"virtualInbound"},
            },
            "c": {"endpoints": {B9000}},
            "x": {"endpoints": {B9000}},
        },
    ),
}


def mesh_of(text):
    return Mesh(CONFIG, DOMAIN, tuple(resources(text)))


def everything(generated, proxy):
    """Every resource of a proxy, made by asking for it, with its version."""
    scoped = generated.of(proxy)
    found = {}
    for type_url in (CLUSTERS, LISTENERS, NDS_TYPE_URL):
        found[type_url] = {name: one.version for name, one in scoped.all_of(type_url).items()}
    names = [name for name in found[CLUSTERS] if name.startswith("outbound")]
    found[ENDPOINTS] = {name: scoped.named(ENDPOINTS, name).version for name in names}
    found[ROUTES] = {name: scoped.named(ROUTES, name).version for name in ("80",)}
    return found


def differences(before, after):
    found = {}
    for type_url, name in NAMES.items():
        one, other = before[type_url], after[type_url]
        both = one.keys() & other.keys() if name == "endpoints" else one.keys() | other.keys()
        differs = {each for each in both if one.get(each) != other.get(each)}
        if differs:
            found[name] = differs
    return found


def told(generated, changed, proxy):
    names = changed.of(generated.scopes.of(proxy))
    return {NAMES[type_url]: set(found) for type_url, found in names.items() if found}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", ["comes", "goes"])
def test_what_a_change_changes(change, way):
    added, expected = CHANGES[change]
    texts = [START, START + added]
    first, second = texts if way == "comes" else reversed(texts)
    before = Generated(mesh_of(first))
    had = [everything(before, proxy) for proxy in PROXIES]
    later, changed = before.after(before.mesh.after(CONFIG, tuple(resources(second))), PROXIES)
    fresh = Generated(mesh_of(second))
    for proxy, old, short in zip(PROXIES, had, "scx", strict=True):
        now = everything(later, proxy)
        assert now == everything(fresh, proxy)
        wanted = {kind: names for kind, names in expected[short].items() if names}
        differs = differences(old, now)
        assert differs == wanted
        said = told(later, changed, proxy)
        for kind in ("clusters", "listeners", "routes", "names"):
            assert said.get(kind, set()) == differs.get(kind, set())
        assert said.get("endpoints", set()) >= differs.get("endpoints", set())


def test_when_names_were_forgotten_anything_may_have_changed(monkeypatch):
    monkeypatch.setattr(parts, "MOST_NAMED", 1)
    before = Generated(mesh_of(START))
    for name in ("80", "nobody"):
        before.of(CLIENT).named(ROUTES, name)
    later, changed = before.after(
        before.mesh.after(CONFIG, (*before.mesh.resources, *resources(VIRTUAL_SERVICE))), [CLIENT]
    )
    assert changed.of(later.scopes.of(CLIENT)) is None


def test_what_did_not_change_is_the_same_object():
    before = Generated(mesh_of(START))
    had = before.of(CLIENT).all_of(CLUSTERS)
    before.of(CLIENT).named(ROUTES, "80")
    later, _ = before.after(
        before.mesh.after(CONFIG, (*before.mesh.resources, *resources(VIRTUAL_SERVICE))), [CLIENT]
    )
    has = later.of(CLIENT).all_of(CLUSTERS)
    assert has.keys() == had.keys()
    assert all(has[name] is had[name] for name in had)


def test_namespaces_share_what_is_the_same_for_them():
    generated = Generated(mesh_of(START))
    one, other = generated.of(CLIENT), generated.of(STRANGER)
    assert one.outbound is not other.outbound
    assert one.named(CLUSTERS, A) is other.named(CLUSTERS, A)
    assert one.named(ENDPOINTS, A) is other.named(ENDPOINTS, A)
    # `a` alone is a name in its own namespace only.
    assert one.named(ROUTES, "80").version != other.named(ROUTES, "80").version


def test_workloads_of_a_namespace_share_what_they_call():
    generated = Generated(mesh_of(START))
    one, other = generated.of(CLIENT), generated.of(SERVER)
    assert one.outbound is other.outbound
    assert one.inbound is not other.inbound


def test_labels_count_where_a_rule_looks_at_them():
    selective = RULE.replace("spec: {", "spec: {workloadSelector: {matchLabels: {app: client}}, ")
    generated = Generated(mesh_of(START + selective.replace("SPACE", "default")))
    one, other = generated.of(CLIENT), generated.of(SERVER)
    assert one.outbound is not other.outbound
    assert one.named(CLUSTERS, A).version != other.named(CLUSTERS, A).version


def test_workloads_behind_a_headless_host_of_two_namespaces_are_told_apart():
    entries = "".join(
        HEADLESS.replace("SPACE", space).replace("ADDRESS", address)
        for space, address in (("default", "10.0.0.1"), ("other", "10.0.0.2"))
    )
    scopes = Generated(mesh_of(entries)).scopes
    one, two, away = (scopes.of(sidecar(f"10.0.0.{last}")).outbound for last in (1, 2, 3))
    assert len({one, two, away}) == 3


def test_parts_that_nobody_uses_are_forgotten():
    generated = Generated(mesh_of(START + NEW))
    everything(generated, CLIENT)
    key = ("clusters", "new.default.svc.cluster.local")
    assert key in generated.cells.all()
    for _ in range(2):
        mesh = generated.mesh.after(CONFIG, tuple(resources(START)))
        generated, _ = generated.after(mesh, [CLIENT])
    assert key not in generated.cells.all()
    assert ("clusters", "a.default.svc.cluster.local") in generated.cells.all()


@pytest.mark.parametrize(
    ("added", "only"),
    [
        (slices(address="10.0.1.7").replace("name: a-1", "name: a-2"), True),
        (slices("h", port="tcp-h", address="10.0.3.1"), False),
        (slices("b", "other", "http", "10.0.9.1").replace("name: b-1", "name: b-2"), False),
        (POD, False),
    ],
)
def test_whether_endpoints_decide_about_more_than_traffic(added, only):
    before = mesh_of(START)
    after = before.after(CONFIG, (*before.resources, *resources(added)))
    assert only_traffic(before, after, {"10.0.9.1"}) is only


def test_endpoints_alone_leave_all_else_as_it_is():
    before = Generated(mesh_of(START))
    had = everything(before, CLIENT)
    more = resources(slices(address="10.0.1.7").replace("name: a-1", "name: a-2"))
    later, changed = before.with_endpoints(
        before.mesh.after(CONFIG, (*before.mesh.resources, *more))
    )
    assert told(later, changed, CLIENT) == {"endpoints": {A}}
    assert differences(had, everything(later, CLIENT)) == {"endpoints": {A}}


def test_what_outbound_parts_look_at_of_a_proxy_is_in_its_scope():
    text = (
        START
        + RULE.replace("SPACE", "default")
        + VIRTUAL_SERVICE
        + STRICT.replace("MODE", "STRICT")
    )
    generated = Generated(mesh_of(text))
    everything(generated, CLIENT)
    outbound = {
        lookup.path[1]
        for key, cells in generated.cells.all().items()
        if "inbound" not in key[0]
        for cell in cells
        for lookup in cell.lookups.get(PROXY, ())
    }
    scoped = {
        "type",
        "namespace",
        "cluster_domain",
        "has_ipv4",
        "has_ipv6",
        "wildcard",
        "loopback",
        "interception",
        "build",
        "labels",
    }
    # Of labels and addresses the scope has those that rules and headless services are about.
    assert outbound <= scoped | {"addresses"}
    assert outbound
