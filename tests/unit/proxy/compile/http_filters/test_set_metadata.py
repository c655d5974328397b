import json

from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.set_metadata import (
    compile_set_metadata,
    compile_set_metadata_override,
)
from tests.support.messages import OWNER, context, message, unsupported

_TYPE = "extensions.filters.http.set_metadata.v3.Config"


def test_the_older_fields_come_first():
    ctx = context()
    source = message(
        _TYPE,
        """
        metadata_namespace: old
        value: {a: 1}
        metadata:
        - {metadata_namespace: new, value: {b: [x, true]}}
        - {metadata_namespace: new, allow_overwrite: true, value: {}}
        """,
    )
    compiled = compile_set_metadata(ctx, source, OWNER, "f").set_metadata
    assert [(each.namespace, each.allow_overwrite) for each in compiled.entries] == [
        ("old", True),
        ("new", False),
        ("new", True),
    ]
    assert [json.loads(each.values_json) for each in compiled.entries] == [
        {"a": 1},
        {"b": ["x", True]},
        {},
    ]
    assert ctx.blocks[compiled.stats_block].prefix == "http.web.set_metadata"


def test_an_override():
    out = FilterOverride(filter="f")
    source = message(_TYPE, "metadata: [{metadata_namespace: a, value: {b: 1}}]")
    compile_set_metadata_override(context(), source, out, "o")
    assert out.set_metadata.entries[0].namespace == "a"


def test_typed_values_are_refused():
    typed = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "x"}
    source = message(_TYPE, {"metadata": [{"metadata_namespace": "a", "typed_value": typed}]})
    (found,) = [each for each in unsupported(source) if "typed_value:" in each]
    assert found.startswith("error x.metadata[0].typed_value")
