import pytest

from lateen.protos.worker_pb2 import HashPolicy, RegexRewrite
from lateen.proxy.compile.hash_policy import (
    compile_connection_hash_policies,
    compile_hash_policies,
)
from tests.support.messages import context, message


def compiled(*policies):
    source = [message("config.route.v3.RouteAction.HashPolicy", policy) for policy in policies]
    return compile_hash_policies(context(), source, "h")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("header: {header_name: X}", HashPolicy(header=HashPolicy.Header(name="X"))),
        ("connection_properties: {source_ip: true}", HashPolicy(source_ip=True)),
        ("{query_parameter: {name: q}, terminal: true}",
         HashPolicy(query_parameter="q", terminal=True)),
        ("filter_state: {key: k}", HashPolicy(filter_state="k")),
        ("cookie: {name: c, path: /p}", HashPolicy(cookie=HashPolicy.Cookie(name="c"))),
    ],
)  # fmt: skip
def test_kinds(source, expected):
    assert compiled(source) == [expected]


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ("ttl: 0s", "; HttpOnly"),
        ("ttl: 0.5s", "; HttpOnly"),
        ("ttl: 60s", "; Max-Age=60; HttpOnly"),
        ("ttl: 1s, path: /p", "; Max-Age=1; Path=/p; HttpOnly"),
        ("ttl: 0s, attributes: [{name: A, value: b}, {name: C}]", "; A=b; C; HttpOnly"),
    ],
)
def test_what_follows_the_value_of_a_given_cookie(fields, end):
    (policy,) = compiled(f"cookie: {{name: c, {fields}}}")
    assert policy.cookie.set_cookie_end == end


def test_a_rewritten_header():
    source = "header: {header_name: x, regex_rewrite: {pattern: {regex: 'a+'}, substitution: b}}"
    (policy,) = compiled(source)
    assert policy.header.rewrite == RegexRewrite(pattern="a+", substitution="b")


def test_a_connection_without_its_address_hashes_nothing():
    assert compiled("connection_properties: {}") == []


def test_policies_of_a_network_filter():
    kinds = ("source_ip: {}", "filter_state: {key: k}")
    source = [message("type.v3.HashPolicy", kind) for kind in kinds]
    by_address, by_state = compile_connection_hash_policies(source)
    assert (by_address, by_state) == (HashPolicy(source_ip=True), HashPolicy(filter_state="k"))
