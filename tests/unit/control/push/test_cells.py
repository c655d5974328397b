from lateen.control.push.cells import Cells, ScopeCells
from lateen.control.push.lookups import CALLED, PROXY
from lateen.control.resources.peer_authentication import PeerAuthentication
from lateen.control.translate.reuse import Inputs
from tests.support.mesh import mesh_of, sidecar

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: default}
spec: {ports: [{name: http, port: 80}]}
---
"""
A = "a.default.svc.cluster.local"


def inputs(*names, namespace="default"):
    text = "".join(SERVICE.replace("NAME", name) for name in names)
    return Inputs.of(mesh_of(text), sidecar(namespace=namespace))


class Made:
    """Counts how often a part is made."""

    def __init__(self, look):
        self.look = look
        self.times = 0

    def __call__(self, given):
        self.times += 1
        return self.look(given)


def times(look, *given):
    """How often a part that looks something up is made for several inputs."""
    cells, made = Cells(), Made(look)
    for one in given:
        cells.find("part", one, made)
    return made.times


def test_a_part_holds_while_what_it_looked_up_is_the_same():
    assert times(lambda one: one.mesh.services.get(A), inputs("a"), inputs("a", "b")) == 1
    assert times(lambda one: one.mesh.services.get(A), inputs("a"), inputs("b")) == 2
    assert times(lambda one: len(one.mesh.services), inputs("a"), inputs("a", "b")) == 2
    assert times(lambda one: list(one.services), inputs("a"), inputs("a", "b")) == 2
    assert times(lambda one: A in one.services, inputs("a"), inputs("a", "b")) == 1
    assert times(lambda one: one.mesh.of(PeerAuthentication), inputs("a"), inputs("b")) == 1


def test_a_part_is_shared_by_proxies_for_whom_lookups_are_the_same():
    here, there = inputs("a"), inputs("a", namespace="other")
    assert times(lambda one: one.proxy.type, here, there) == 1
    assert times(lambda one: one.proxy.namespace, here, there) == 2
    rule = times(lambda one: one.mesh.rule_for(one.services[A], one.proxy), here, there)
    assert rule == 1


def test_a_part_of_one_listener_does_not_hang_on_all():
    def hosts(one):
        return [list(egress.services) for egress in one.scope.egress]

    def ports(one):
        return [egress.listener.port for egress in one.scope.egress]

    assert times(hosts, inputs("a"), inputs("a", "b")) == 2
    assert times(ports, inputs("a"), inputs("a", "b")) == 1


def test_what_is_known_to_be_unchanged_is_not_looked_up():
    cells = Cells()
    made = Made(lambda one: (one.proxy.namespace, one.services.get(A)))
    first = ScopeCells(cells)
    first("part", inputs("a"), made)
    elsewhere = inputs("b", namespace="other")
    assert first.after({PROXY, CALLED})("part", elsewhere, made)[0] == "default"
    assert first.after({PROXY})("part", elsewhere, made)[0] == "other"
    assert made.times == 2


def test_all_parts_hold_when_all_that_they_looked_up_is_unchanged():
    cells = ScopeCells(Cells())
    assert not cells.hold({PROXY})
    cells("part", inputs("a"), lambda one: one.proxy.namespace)
    assert cells.hold({PROXY})
    cells("other", inputs("a"), lambda one: one.mesh.config)
    assert not cells.hold({PROXY})
    assert cells.hold({PROXY, "config"})


def test_the_next_mesh_says_which_lookups_are_unchanged():
    mesh = mesh_of(SERVICE.replace("NAME", "a"))
    assert mesh.unchanged == frozenset()
    more = mesh_of(SERVICE.replace("NAME", "b")).resources
    later = mesh.after(mesh.config, (*mesh.resources, *more))
    assert {"virtual_services_of", "config", ("of", PeerAuthentication)} <= later.unchanged
    assert not {"services", "endpoints", "visible_services"} & later.unchanged
    assert {"services", "endpoints", "rule_for"} <= later.after(
        mesh.config, later.resources
    ).unchanged
