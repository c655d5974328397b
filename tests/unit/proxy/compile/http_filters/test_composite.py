from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.composite import (
    compile_composite,
    compile_composite_override,
)
from lateen.proxy.compile.network_filters.owner import HttpFilterOwner
from tests.support.messages import OWNER, context, errors, message

_PACKAGE = "type.googleapis.com/envoy.extensions.filters.http"
_MUTATION = f"{_PACKAGE}.header_mutation.v3.HeaderMutation"
_FILTER = {"name": "hm", "typed_config": {"@type": _MUTATION}}
_SOURCE = {"config_source": {"ads": {}}, "type_urls": [_MUTATION]}


def tree(**execute):
    """A tree that always comes to one action."""
    config = {"@type": f"{_PACKAGE}.composite.v3.ExecuteFilterAction", **execute}
    return {"on_no_match": {"action": {"name": "a", "typed_config": config}}}


def compiled(ctx, owner=OWNER, **fields):
    source = message("extensions.filters.http.composite.v3.Composite", fields)
    return compile_composite(ctx, source, owner, "c").composite


def executed(ctx, owner=OWNER, **execute):
    found = compiled(ctx, owner, matcher=tree(**execute))
    return found.matcher.on_no_match.action.delegate.execute


def test_an_action_brings_a_filter():
    ctx = context()
    sampled = {"default_value": {"numerator": 5}, "runtime_key": "k"}
    action = executed(ctx, typed_config=_FILTER, sample_percent=sampled)
    assert action.name == "hm"
    assert [each.WhichOneof("kind") for each in action.filters] == ["header_mutation"]
    assert (action.sampled.runtime_key, action.sampled.numerator) == ("k", 5)
    assert errors(ctx) == []


def test_an_action_names_a_chain_or_brings_one():
    ctx = context()
    assert executed(ctx, filter_chain_name="x", typed_config=_FILTER).chain == "x"
    brought = executed(ctx, filter_chain={"typed_config": [_FILTER, _FILTER]})
    assert (brought.name, len(brought.filters)) == ("filter_chain", 2)
    found = compiled(ctx, named_filter_chains={"x": {"typed_config": [_FILTER]}})
    assert [(chain.name, len(chain.filters)) for chain in found.chains] == [("x", 1)]
    assert errors(ctx) == []


def test_chains_are_not_empty():
    ctx = context()
    executed(ctx, filter_chain={})
    compiled(ctx, named_filter_chains={"x": {}})
    executed(ctx)
    where = "c.matcher.on_no_match.action.typed_config"
    assert errors(ctx) == [
        f"{where}.filter_chain: filter_chain must contain at least one filter.",
        "c.named_filter_chains[x]: Named filter chain 'x' must contain at least one filter.",
        f"{where}.typed_config: Didn't find a registered implementation for ''",
    ]


def test_a_filter_that_comes_by_itself_is_subscribed_to():
    sources = []
    ctx = context()
    dynamic = {"name": "d", "config_discovery": _SOURCE}
    action = executed(ctx, HttpFilterOwner("web", sources), dynamic_config=dynamic)
    assert [source.table for source in sources] == [action.filters[0].discovered_filter]
    assert (sources[0].name, sources[0].owner.stat_prefix) == ("d", "web")
    assert errors(ctx) == []
    executed(ctx, dynamic_config=dynamic, typed_config=_FILTER)
    assert [error.partition(": ")[2] for error in errors(ctx)] == [
        "Error: Only one of `dynamic_config` or `typed_config` can be set.",
        "Failed to get downstream factory context or server factory context.",
    ]


def test_what_stands_for_others_is_not_itself_chosen():
    for kind in ("router.v3.Router", "composite.v3.Composite"):
        ctx = context()
        executed(ctx, typed_config={"name": "x", "typed_config": {"@type": f"{_PACKAGE}.{kind}"}})
        (error,) = errors(ctx)
        assert "in the place of another filter is not implemented" in error


def test_an_override_has_a_tree():
    out = FilterOverride(filter="c")
    fields = {"matcher": tree(typed_config=_FILTER)}
    source = message("extensions.filters.http.composite.v3.CompositePerRoute", fields)
    compile_composite_override(context(), source, out, "o")
    assert out.composite.on_no_match.action.delegate.execute.name == "hm"
