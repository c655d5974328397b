import pytest

from lateen.protos.worker_pb2 import CustomTag
from lateen.proxy.compile.custom_tags import compile_log_tags
from tests.support.messages import context, errors, message

KEY = {"key": "a:b", "path": [{"key": "k"}]}
OF_HOST = {"kind": {"host": {}}, "metadata_key": KEY, "default_value": "d"}


def compiled(*tags, ctx=None):
    found = [message("type.tracing.v3.CustomTag", tag) for tag in tags]
    return list(compile_log_tags(ctx or context(), found, "t"))


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"literal": {"value": "x"}}, {"literal": "x"}),
        ({"environment": {"name": "HOME", "default_value": "d"}}, {"literal": "/home"}),
        ({"environment": {"name": "EMPTY", "default_value": "d"}}, {"literal": ""}),
        ({"environment": {"name": "NONE", "default_value": "d"}}, {"literal": "d"}),
        (
            {"request_header": {"name": "X-A", "default_value": "d"}},
            {"header": CustomTag.Header(name="x-a", default_value="d")},
        ),
        (
            {"metadata": OF_HOST},
            {
                "metadata": CustomTag.Metadata(
                    of=CustomTag.Metadata.HOST, path=["a:b", "k"], default_value="d"
                )
            },
        ),
    ],
)
def test_sources(source, value):
    ctx = context(environment={"HOME": "/home", "EMPTY": ""})
    assert compiled({"tag": "t", **source}, ctx=ctx) == [CustomTag(name="t", **value)]
    assert errors(ctx) == []


def test_formats_have_a_type():
    (tag,) = compiled({"tag": "t", "value": "1", "value_type": "BOOL"})
    assert tag.value.omit_empty
    assert tag.value_type == CustomTag.BOOL


def test_tags_of_one_name_stay_in_order():
    tags = [{"tag": "a", "value": "x"}, {"tag": "a", "literal": {"value": "y"}}]
    assert [tag.WhichOneof("kind") for tag in compiled(*tags)] == ["value", "literal"]


def test_a_tag_without_a_source():
    ctx = context()
    compiled({"tag": "a"}, ctx=ctx)
    (error,) = errors(ctx)
    assert "oneof 'type' is not set" in error
