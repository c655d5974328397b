import pytest

from lateen.proxy.compile.direct_response import compile_direct_response
from tests.support.messages import context, errors, message


def compiled(text, ctx, limit=4096):
    source = message("config.route.v3.DirectResponseAction", text)
    return compile_direct_response(ctx, source, limit, "d")


@pytest.mark.parametrize(
    "body",
    [
        {"inline_string": "hi"},
        {"inline_bytes": "aGk="},
        {"filename": "/f"},
        {"environment_variable": "V"},
    ],
)
def test_where_a_body_comes_from(body):
    ctx = context(files={"/f": b"hi"}, environment={"V": "hi"})
    response = compiled({"status": 201, "body": body}, ctx)
    assert (response.status, response.body) == (201, b"hi")
    assert errors(ctx) == []


def test_a_body_that_cannot_be_read():
    ctx = context()
    compiled("{status: 200, body: {filename: /nope}}", ctx)
    compiled("{status: 200, body: {environment_variable: NOPE}}", ctx)
    assert errors(ctx) == [
        "d.body.filename: cannot read /nope: No such file or directory",
        "d.body.environment_variable: Environment variable doesn't exist: NOPE",
    ]


def test_how_long_a_body_may_be():
    ctx = context()
    text = "{status: 200, body: {inline_string: abcd}}"
    compiled(text, ctx, limit=4)
    compiled(text, ctx, limit=0)
    assert errors(ctx) == []
    compiled(text, ctx, limit=3)
    assert errors(ctx) == ["d.body: response body size is 4 bytes; maximum is 3"]


def test_body_formats():
    text = "{status: 200, body_format: {text_format: '%LOCAL_REPLY_BODY%', content_type: a/b}}"
    response = compiled(text, context())
    assert response.body_format.text.pieces[0].command.name == "LOCAL_REPLY_BODY"
    assert response.body_format.content_type == "a/b"
    response = compiled("{status: 200, body_format: {json_format: {a: b}}}", context())
    assert response.body_format.json.object.members[0].name == "a"
    assert response.body_format.content_type == "application/json"
