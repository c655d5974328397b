import pytest

from lateen.proxy.stats.config import StatsConfig
from lateen.proxy.stats.histograms import Histograms
from lateen.proxy.stats.main_thread import MainThreadStats, StatNames
from lateen.proxy.stats.model import StatKind
from lateen.proxy.stats.render_json import render_json
from lateen.proxy.stats.render_prometheus import render_prometheus
from lateen.proxy.stats.render_text import render_text
from lateen.proxy.stats.snapshot import Snapshot, StatsFilter

CONFIG = StatsConfig()
NAMES = StatNames(
    counters=("update_attempt", "update_success"),
    gauges=("version",),
    texts=("version_text",),
    histograms=("update_duration",),
)
PREFIX = "cluster_manager.cds"


@pytest.fixture
def stats():
    return MainThreadStats(Histograms())


def snapshot(stats):
    return Snapshot.of(stats.scopes(), stats.histograms.stats(()), None, stats.texts())


def text(stats, **wanted):
    filtered = StatsFilter(**wanted)
    return "".join(render_text(snapshot(stats), filtered, "summary", CONFIG.buckets_of))


def test_a_scope_shows_all_its_stats_from_the_start(stats):
    stats.open(PREFIX, NAMES)
    assert text(stats).splitlines() == [
        'cluster_manager.cds.version_text: ""',
        "cluster_manager.cds.update_attempt: 0",
        "cluster_manager.cds.update_success: 0",
        "cluster_manager.cds.version: 0",
        "cluster_manager.cds.update_duration: No recorded values",
    ]
    assert text(stats, used_only=True) == ""


def test_what_was_written_is_used_even_if_it_is_zero(stats):
    scope = stats.open(PREFIX, NAMES)
    scope.add("update_attempt")
    scope.set("version", 0)
    scope.set_text("version_text", "")
    assert text(stats, used_only=True).splitlines() == [
        'cluster_manager.cds.version_text: ""',
        "cluster_manager.cds.update_attempt: 1",
        "cluster_manager.cds.version: 0",
    ]


def test_gauges_hold_sixty_four_unsigned_bits(stats):
    scope = stats.open(PREFIX, NAMES)
    scope.set("version", 2**64 - 1)
    assert scope.value("version") == 2**64 - 1


def test_an_unknown_name_is_an_error(stats):
    with pytest.raises(ValueError, match=r"not in tuple"):
        stats.open(PREFIX, NAMES).add("update_atempt")


def test_openers_share_a_scope_and_the_last_takes_it_away(stats):
    first, second = stats.open(PREFIX, NAMES), stats.open(PREFIX, NAMES)
    first.add("update_attempt")
    second.add("update_attempt")
    first.record("update_duration", 3)
    stats.histograms.merge((), ())
    first.close()
    assert "update_attempt: 2" in text(stats)
    second.close()
    assert text(stats) == ""


def test_scopes_of_one_prefix_may_have_other_names(stats):
    stats.open("cluster.be", StatNames(counters=("update_attempt",)))
    stats.open("cluster.be", StatNames(counters=("assignment_stale",)))
    assert stats.has("cluster.be.update_attempt")
    assert stats.has("cluster.be.assignment_stale")
    assert not stats.has("cluster.be.version")


def test_counters_are_reset_and_gauges_stay(stats):
    scope = stats.open(PREFIX, NAMES)
    scope.add("update_attempt", 3)
    scope.set("version", 7)
    stats.reset_counters()
    assert (scope.value("update_attempt"), scope.value("version")) == (0, 7)


def test_text_readouts_have_a_kind_of_their_own(stats):
    stats.open(PREFIX, NAMES).set_text("version_text", "v1")
    assert text(stats, kind=StatKind.TEXT_READOUT) == 'cluster_manager.cds.version_text: "v1"\n'
    assert "version_text" not in text(stats, kind=StatKind.GAUGE)


def test_json_has_text_readouts_first(stats):
    stats.open(PREFIX, NAMES).set_text("version_text", 'a<b"c')
    rendered = "".join(
        render_json(snapshot(stats), StatsFilter(), "summary", CONFIG.buckets_of),
    )
    front = '{"stats":[{"name":"cluster_manager.cds.version_text","value":"a<b\\"c"},'
    assert rendered.startswith(front + '{"name":"cluster_manager.cds.update_attempt","value":0}')


def test_prometheus_has_text_readouts_when_asked(stats):
    stats.open(PREFIX, NAMES).set_text("version_text", 'a<b"c')
    arguments = (snapshot(stats), StatsFilter(), "cumulative", CONFIG.buckets_of, CONFIG.tags)
    assert "version_text" not in "".join(render_prometheus(*arguments))
    assert (
        "# TYPE envoy_cluster_manager_cds_version_text gauge\n"
        'envoy_cluster_manager_cds_version_text{text_value="a<b\\"c"} 0\n'
    ) in "".join(render_prometheus(*arguments, texts=True))
