import pytest

from lateen.proxy.compile.istio_metrics import METRICS, TAGS, compile_metrics
from tests.support.messages import context, errors, message_of, unsupported, warnings

_TYPE = "stats.PluginConfig"
NODE = {
    "metadata": {
        "NAMESPACE": "n",
        "WORKLOAD_NAME": "w",
        "ISTIO_VERSION": "1.30.0",
        "LABELS": {"app": "a"},
    }
}


def compiled(ctx, text="{}"):
    return compile_metrics(ctx, message_of(_TYPE, text), "f")


def changes(found):
    return {
        metric.name: (metric.drop, list(metric.removed), {t.name: t.value for t in metric.tags})
        for metric in found.metrics
    }


def test_defaults():
    ctx = context(node=NODE)
    found = compiled(ctx)
    block = ctx.blocks[found.stats_block]
    assert (block.prefix, block.tags) == ("istiocustom", (("tag", "1.30.0"),))
    assert found.reporting_interval_ms == 5000
    assert not found.gateway
    assert not found.disable_host_header_fallback
    assert not found.metrics
    assert (found.workload.name, found.workload.namespace, found.workload.app) == ("w", "n", "a")
    again = compiled(ctx)
    assert again.stats_block == found.stats_block


def test_settings():
    found = compiled(
        context(),
        """
        reporter: SERVER_GATEWAY
        disable_host_header_fallback: true
        tcp_reporting_duration: 0s
        """,
    )
    assert found.gateway
    assert found.disable_host_header_fallback
    assert found.reporting_interval_ms == 0


def test_there_are_all_metrics_and_tags():
    assert (len(METRICS), len(TAGS)) == (10, 25)


def test_later_changes_count_before_earlier_ones():
    ctx = context()
    found = compiled(
        ctx,
        """
        metrics:
        - tags_to_remove: [source_app]
        - name: requests_total
          dimensions: {source_app: "'mine'", own: '"text"'}
        - {name: request_bytes, drop: true}
        """,
    )
    assert errors(ctx) == []
    assert changes(found) == {
        name: (name == "request_bytes", ["source_app"], {}) for name in METRICS
    } | {"requests_total": (False, [], {"source_app": "mine", "own": "text"})}


def test_what_has_no_effect():
    ctx = context()
    compiled(ctx, "{metrics: [{name: other}, {tags_to_remove: [strange]}]}")
    assert warnings(ctx) == [
        "f.metrics[0].name: there is no metric other: it has no effect",
        "f.metrics[1].tags_to_remove[0]: strange is no standard tag",
    ]


@pytest.mark.parametrize("expression", ["request.host", "'a' + 'b'", "'a"])
def test_expressions_are_refused(expression):
    ctx = context()
    compiled(ctx, {"metrics": [{"dimensions": {"own": expression}}]})
    assert errors(ctx) == [
        f"f.metrics[0].dimensions[own]: the expression {expression!r} is not implemented"
    ]


def test_definitions_are_refused():
    source = message_of(_TYPE, "{definitions: [{name: x, value: '1'}]}")
    assert unsupported(source) == ["error x.definitions: definitions is not implemented"]
