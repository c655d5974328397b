"""What a request must be like for a route to take it.

Source: RouteMatch in envoy/config/route/v3/route_components.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.matchers import (
    compile_headers,
    compile_query_parameters,
    compile_regex,
    compile_string,
)
from lateen.proxy.compile.path_template import compile_match_policy
from lateen.proxy.compile.values import runtime_fraction

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RouteMatch

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.route.v3.RouteMatch",
        implemented="""
            prefix path safe_regex connect_matcher path_separated_prefix
            path_match_policy case_sensitive runtime_fraction headers query_parameters
            grpc tls_context cookies
        """,
    ),
    Fields(
        "envoy.config.route.v3.RouteMatch.TlsContextMatchOptions",
        implemented="presented validated",
    ),
    whole("envoy.config.route.v3.CookieMatcher"),
    whole("envoy.config.route.v3.RouteMatch.ConnectMatcher"),
    whole("envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions"),
)


def compile_route_match(ctx: CompileContext, match: RouteMatch, at: str) -> worker_pb2.RouteMatch:
    """One route match; all of its conditions must hold."""
    compiled = worker_pb2.RouteMatch(grpc=match.HasField("grpc"))
    _compile_path(ctx, match, compiled, at)
    if match.HasField("case_sensitive"):
        compiled.case_insensitive = not match.case_sensitive.value
    if match.headers:
        compiled.headers.extend(compile_headers(ctx, match.headers, f"{at}.headers"))
    if match.query_parameters:
        where = f"{at}.query_parameters"
        compiled.query_parameters.extend(
            compile_query_parameters(ctx, match.query_parameters, where)
        )
    for index, cookie in enumerate(match.cookies):
        where = f"{at}.cookies[{index}].string_match"
        compiled.cookies.add(
            name=cookie.name,
            string=compile_string(ctx, cookie.string_match, where),
            invert=cookie.invert_match,
        )
    if match.HasField("runtime_fraction"):
        compiled.runtime_fraction.CopyFrom(runtime_fraction(match.runtime_fraction))
    if match.HasField("tls_context"):
        if match.tls_context.HasField("presented"):
            compiled.tls_presented = match.tls_context.presented.value
        if match.tls_context.HasField("validated"):
            compiled.tls_validated = match.tls_context.validated.value
    return compiled


def _compile_path(
    ctx: CompileContext, match: RouteMatch, out: worker_pb2.RouteMatch, at: str
) -> None:
    kind = match.WhichOneof("path_specifier")
    if kind == "prefix":
        out.prefix = match.prefix
    elif kind == "path":
        out.exact = match.path
    elif kind == "safe_regex":
        out.regex = compile_regex(ctx, match.safe_regex, f"{at}.safe_regex")
    elif kind == "path_separated_prefix":
        out.path_separated_prefix = match.path_separated_prefix
    elif kind == "path_match_policy":
        where = f"{at}.path_match_policy"
        out.uri_template = compile_match_policy(ctx, match.path_match_policy, where)
    elif kind == "connect_matcher":
        out.connect = True
