"""Stats that both the workers and the main thread count."""

from lateen.proxy.stats.model import (
    Layout,
    Scope,
    StatKind,
    counter,
    gauge,
    join_scopes,
    loose_scope,
)

COUNTER, GAUGE = StatKind.COUNTER, StatKind.GAUGE
LAYOUT = Layout(
    ("a", "b", "v"),
    (COUNTER, COUNTER, GAUGE),
    (0, 5, -1),
    (-1, -1, -1),
    ((), (), ()),
    {},
    frozenset(),
)


class Own:
    def __init__(self, prefix, stats):
        self.prefix = prefix
        self.scope = lambda: loose_scope(f"{prefix}.", stats)


def shown(scopes):
    return {scope.prefix + stat.name: stat.value for scope in scopes for stat in scope.stats()}


def test_sums_and_what_only_one_has():
    workers = [Scope("cluster.x.", LAYOUT, [3]), Scope("cluster.y.", LAYOUT, [1])]
    own = [
        Own("cluster.x", [counter("a", 2), counter("b", 7), gauge("v", 9)]),
        Own("cluster.x", [counter("new", 4)]),
        Own("cluster.z", [counter("a", 1)]),
    ]
    joined = list(join_scopes(workers, own))
    assert shown(joined) == {
        "cluster.x.a": 5,
        "cluster.x.b": 7,
        "cluster.x.v": 9,
        "cluster.x.new": 4,
        "cluster.y.a": 1,
        "cluster.y.b": 0,
        "cluster.y.v": 0,
        "cluster.z.a": 1,
    }
    assert joined[1] is workers[1]
    assert joined[0].layout is LAYOUT
