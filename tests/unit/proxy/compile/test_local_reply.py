from lateen.proxy.compile.local_reply import compile_local_reply
from tests.support.messages import context, message, unsupported


def test_mappers_and_the_format_of_all_bodies():
    source = message(
        "extensions.filters.network.http_connection_manager.v3.LocalReplyConfig",
        """
        mappers:
        - filter: {response_flag_filter: {flags: [UH]}}
          status_code: 504
          body: {inline_string: sorry}
          headers_to_add: [{header: {key: X-A, value: b}}]
          body_format_override: {json_format: {m: '%LOCAL_REPLY_BODY%'}}
        - filter: {not_health_check_filter: {}}
        body_format: {text_format_source: {inline_string: '%RESPONSE_CODE%'}}
        """,
    )
    assert unsupported(source) == []
    compiled = compile_local_reply(context(), source, "l")
    first, second = compiled.mappers
    assert list(first.filter.response_flags.flags) == ["UH"]
    assert (first.status_code, first.body) == (504, "sorry")
    assert first.headers_to_add[0].name == "x-a"
    assert first.body_format.content_type == "application/json"
    assert not second.HasField("status_code")
    assert not second.HasField("body")
    assert compiled.body_format.content_type == "text/plain"
    assert compiled.body_format.text.pieces[0].command.name == "RESPONSE_CODE"
