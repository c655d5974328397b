from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.match_delegate import (
    compile_match_delegate,
    compile_match_delegate_override,
)
from tests.support.messages import OWNER, context, errors, message

_PREFIX = "type.googleapis.com/envoy.extensions.filters"
_SKIP = {"@type": f"{_PREFIX}.common.matcher.action.v3.SkipFilter"}
_TREE = {"on_no_match": {"action": {"name": "a", "typed_config": _SKIP}}}
_PACKAGE = "extensions.common.matching.v3"


def config(kind, **fields):
    return {"name": "x", "typed_config": {"@type": f"{_PREFIX}.http.{kind}", **fields}}


def compiled(ctx, inner, **fields):
    fields = {"extension_config": inner, **fields}
    source = message(f"{_PACKAGE}.ExtensionWithMatcher", fields)
    return compile_match_delegate(ctx, source, OWNER, "m").match_delegate


def test_a_tree_around_a_filter():
    ctx = context()
    found = compiled(ctx, config("cors.v3.Cors"), xds_matcher=_TREE)
    assert found.filter.WhichOneof("kind") == "cors"
    assert found.matcher.on_no_match.action.delegate.skip
    assert errors(ctx) == []


def test_the_older_matcher_says_the_same():
    ctx = context()
    found = compiled(ctx, config("cors.v3.Cors"), matcher=_TREE)
    assert found.matcher.on_no_match.action.delegate.skip
    assert not compiled(ctx, config("cors.v3.Cors")).HasField("matcher")
    assert errors(ctx) == []


def test_a_composite_filter_inside_has_no_tree_of_its_own():
    ctx = context()
    compiled(ctx, config("composite.v3.Composite"), xds_matcher=_TREE)
    assert errors(ctx) == []
    compiled(ctx, config("composite.v3.Composite", matcher=_TREE), xds_matcher=_TREE)
    assert errors(ctx) == [
        "m.extension_config: a composite filter in a match_delegate has no matcher of its own"
    ]


def test_an_action_is_about_filters():
    ctx = context()
    other = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "x"}
    tree = {"on_no_match": {"action": {"name": "a", "typed_config": other}}}
    compiled(ctx, config("cors.v3.Cors"), xds_matcher=tree)
    assert errors(ctx) == [
        "m.xds_matcher.on_no_match.action: action google.protobuf.StringValue is not implemented"
    ]


def test_an_override_has_a_tree():
    out = FilterOverride(filter="m")
    source = message(f"{_PACKAGE}.ExtensionWithMatcherPerRoute", {"xds_matcher": _TREE})
    compile_match_delegate_override(context(), source, out, "o")
    assert out.match_delegate.on_no_match.action.delegate.skip
