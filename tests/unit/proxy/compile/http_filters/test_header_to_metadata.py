import pytest

from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.header_to_metadata import (
    compile_header_to_metadata,
    compile_header_to_metadata_override,
)
from tests.support.messages import OWNER, context, errors, message

_TYPE = "extensions.filters.http.header_to_metadata.v3.Config"


def compiled(text, ctx=None):
    source = message(_TYPE, text)
    return compile_header_to_metadata(ctx or context(), source, OWNER, "f").header_to_metadata


def test_rules():
    ctx = context()
    rules = compiled(
        """
        stat_prefix: p
        request_rules:
        - header: X-A
          on_header_present: {key: k, type: NUMBER, encode: BASE64}
          on_header_missing: {metadata_namespace: ns, key: m, value: v}
          remove: true
        - cookie: c
          on_header_present:
            key: k
            regex_value_rewrite: {pattern: {regex: a}, substitution: b}
        response_rules: [{header: x-b, on_header_present: {key: k}}]
        """,
        ctx,
    )
    header, cookie = rules.request
    assert (header.header, header.remove) == ("x-a", True)
    assert header.present.namespace == "envoy.filters.http.header_to_metadata"
    assert header.present.number
    assert header.present.base64
    assert (header.missing.namespace, header.missing.value) == ("ns", "v")
    assert (cookie.cookie, cookie.present.rewrite.pattern) == ("c", "a")
    assert rules.response[0].header == "x-b"
    assert ctx.blocks[rules.stats_block].prefix == "http_filter_name.p"
    assert errors(ctx) == []


def test_nothing_is_counted_without_a_prefix():
    assert compiled("").stats_block == 0


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("header: a, cookie: b, on_header_present: {key: k}", "Cannot specify both header and"),
        ("on_header_present: {key: k}", "One of Cookie or Header option"),
        ("header: a", "rule for header 'a' has neither `on_header_present`"),
        ("cookie: a, on_header_present: {key: k}, remove: true", "Cannot specify remove for"),
        ("header: a, on_header_missing: {key: k}", "on_header_missing rule with an empty value"),
        (
            "header: a, on_header_present: {key: k, value: v,"
            " regex_value_rewrite: {pattern: {regex: a}}}",
            "Cannot specify both value and regex_value_rewrite",
        ),
        ("header: a, on_header_present: {key: k, type: PROTOBUF_VALUE}", "type PROTOBUF_VALUE"),
    ],
)
def test_errors_are_envoys(rule, reason):
    ctx = context()
    compiled(f"request_rules: [{{{rule}}}]", ctx)
    (error,) = errors(ctx)
    assert error.startswith("f.request_rules[0]")
    assert reason in error


def test_an_override_has_rules():
    ctx = context()
    out = FilterOverride(filter="f")
    compile_header_to_metadata_override(ctx, message(_TYPE, ""), out, "o")
    (error,) = errors(ctx)
    assert "must at least specify either request or response rules" in error
    source = message(_TYPE, "request_rules: [{header: a, on_header_present: {key: k}}]")
    compile_header_to_metadata_override(context(), source, out, "o")
    assert out.header_to_metadata.request[0].header == "a"
