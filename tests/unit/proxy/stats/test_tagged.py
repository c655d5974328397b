from lateen.proxy.compile.stats_blocks import BlockKind, StatsBlocks
from lateen.proxy.hot_restart.stats import InheritedStats, export
from lateen.proxy.stats import tagged
from lateen.proxy.stats.collect import collect_scopes
from lateen.proxy.stats.render_prometheus import render_prometheus
from lateen.proxy.stats.render_text import render_text
from lateen.proxy.stats.snapshot import Snapshot, StatsFilter
from lateen.proxy.stats.tags import Tag, TagExtractor, TaggedName, default_rules
from tests.unit.proxy.fake_core import FakeCore

NAME = "\x1freporter\x1esource\x1fhost\x1ea.b\x1fempty\x1e.istio_requests_total"
PROMETHEUS = 'istio_requests_total{reporter="source",host="a.b",empty=""} 3\n'


def scopes_of(count):
    blocks, core = StatsBlocks(), FakeCore()
    number = blocks.allot(BlockKind.ISTIO, "istiocustom", {"tag": "1.30.0"})
    core.named.append((number, NAME, count))
    return collect_scopes(blocks, core.arrays, core.codes, 1, core.named)


def prometheus(scopes):
    tags = TagExtractor(default_rules())
    snapshot = Snapshot.of(scopes, [])
    lines = "".join(render_prometheus(snapshot, StatsFilter(), "cumulative", lambda _: (), tags))
    return [line for line in lines.splitlines(keepends=True) if line.startswith("istio")]


def test_a_name_and_its_tags():
    tags = (Tag("reporter", "source"), Tag("host", "a.b"), Tag("empty", ""))
    parts = TaggedName("istiocustom.istio_requests_total", tags)
    whole = "istiocustom.istio_requests_total.reporter.source.host.a.b.empty"
    assert tagged.read(f"istiocustom.{NAME}") == (whole, parts)
    assert tagged.write(parts) == f"istiocustom.{NAME}"


def test_prometheus_has_istios_names():
    build = 'istio_build{component="proxy",tag="1.30.0"} 1\n'
    assert prometheus(scopes_of(3)) == [PROMETHEUS, build]


def test_text_has_whole_names():
    snapshot = Snapshot.of(scopes_of(3), [])
    lines = "".join(render_text(snapshot, StatsFilter(), "summary", lambda _: ()))
    assert "istiocustom.istio_requests_total.reporter.source.host.a.b.empty: 3\n" in lines
    assert "istiocustom.istio_build.component.proxy.tag.1.30.0: 1\n" in lines


def test_a_child_goes_on_counting():
    inherited = InheritedStats()
    inherited.take(export(Snapshot.of(scopes_of(1), []), 0, 0))
    assert prometheus(inherited.merged(scopes_of(2)))[0] == PROMETHEUS
    assert prometheus(inherited.merged([]))[0] == PROMETHEUS.replace(" 3", " 1")
