import pytest

from lateen.protos.worker_pb2 import RouteMatch, StringMatch
from lateen.proxy.compile.route_match import compile_route_match
from tests.support.messages import context, message, unsupported

_TEMPLATE = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"


def compiled(text):
    source = message("config.route.v3.RouteMatch", text)
    assert unsupported(source) == []
    return compile_route_match(context(), source, "m")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prefix: /a", RouteMatch(prefix="/a")),
        ("prefix: ''", RouteMatch(prefix="")),
        ("path: /a", RouteMatch(exact="/a")),
        ("safe_regex: {regex: '/a.*'}", RouteMatch(regex="/a.*")),
        ("path_separated_prefix: /a", RouteMatch(path_separated_prefix="/a")),
        ("connect_matcher: {}", RouteMatch(connect=True)),
        (
            {
                "path_match_policy": {
                    "name": "t",
                    "typed_config": {"@type": _TEMPLATE, "path_template": "/{a}/**"},
                }
            },
            RouteMatch(uri_template="/{a}/**"),
        ),
        (
            "{prefix: /, case_sensitive: false, grpc: {}}",
            RouteMatch(prefix="/", case_insensitive=True, grpc=True),
        ),
        (
            "{prefix: /, tls_context: {presented: false}}",
            RouteMatch(prefix="/", tls_presented=False),
        ),
    ],
)
def test_paths_and_flags(text, expected):
    match = compiled(text)
    assert match == expected
    assert match.WhichOneof("path") == expected.WhichOneof("path")


def test_a_runtime_fraction():
    fraction = compiled(
        """
        prefix: /
        runtime_fraction:
          runtime_key: k
          default_value: {numerator: 5, denominator: TEN_THOUSAND}
        """
    ).runtime_fraction
    assert (fraction.runtime_key, fraction.numerator, fraction.denominator) == ("k", 5, 10_000)


def test_headers_query_parameters_and_cookies():
    match = compiled(
        """
        prefix: /
        headers: [{name: A}]
        query_parameters: [{name: q}]
        cookies: [{name: c, string_match: {exact: v}, invert_match: true}]
        """
    )
    assert match.headers[0].name == "a"
    assert match.query_parameters[0].present
    (cookie,) = match.cookies
    assert (cookie.name, cookie.string, cookie.invert) == ("c", StringMatch(exact="v"), True)


def test_dynamic_metadata_is_not_implemented():
    source = message("config.route.v3.RouteMatch", "dynamic_metadata: [{filter: f}]")
    assert unsupported(source) == ["error x.dynamic_metadata: dynamic_metadata is not implemented"]
