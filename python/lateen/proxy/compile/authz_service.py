"""Authorization services that speak HTTP.

Source: HttpService in envoy/extensions/filters/http/ext_authz/v3/ext_authz.proto; errors as in
Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import (
    AppendAction,
    HeaderValueOption,
    HttpAuthzService,
    NameList,
    StringMatch,
)
from lateen.proxy.compile.headers import compile_header_value
from lateen.proxy.compile.matchers import compile_string
from lateen.proxy.compile.service_client import CORE_RETRY_POLICY, compile_http_client

if TYPE_CHECKING:
    from envoy.extensions.filters.http.ext_authz.v3 import ext_authz_pb2 as envoy
    from envoy.type.matcher.v3.string_pb2 import ListStringMatcher

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.filters.http.ext_authz.v3"

SUPPORT = (
    Fields(
        f"{_PACKAGE}.HttpService",
        implemented="""
            server_uri path_prefix path_override authorization_request authorization_response
            retry_policy
        """,
        within={"retry_policy": CORE_RETRY_POLICY},
    ),
    whole(f"{_PACKAGE}.AuthorizationRequest"),
    whole(f"{_PACKAGE}.AuthorizationResponse"),
)

GRPC_TIMEOUT_MS = 200
"""How long a question may take, where the service does not say."""

_ALWAYS_TOLD = ("authorization", ":method", ":path", ":authority")
_ALWAYS_PASSED_ON = ("content-length", "www-authenticate", "location")


def compile_http_service(
    ctx: CompileContext, service: envoy.HttpService, at: str
) -> HttpAuthzService:
    """A service that decides by the status of its response."""
    for field, path in (
        ("path_prefix", service.path_prefix),
        ("path_override", service.path_override),
    ):
        if path and not path.startswith("/"):
            ctx.error(f"{at}.{field}", f'{field} should start with "/".')
    policy = service.retry_policy if service.HasField("retry_policy") else None
    response = service.authorization_response
    where = f"{at}.authorization_response"
    compiled = HttpAuthzService(
        client=compile_http_client(ctx, service.server_uri, policy, at),
        path_prefix=service.path_prefix,
        path_override=service.path_override,
        headers_to_add=_headers_to_add(ctx, service.authorization_request, at),
        upstream_headers=name_list(
            ctx, response.allowed_upstream_headers, f"{where}.allowed_upstream_headers"
        ),
        upstream_headers_to_append=name_list(
            ctx,
            response.allowed_upstream_headers_to_append,
            f"{where}.allowed_upstream_headers_to_append",
        ),
        client_headers_on_success=name_list(
            ctx,
            response.allowed_client_headers_on_success,
            f"{where}.allowed_client_headers_on_success",
        ),
        metadata_headers=name_list(
            ctx, response.dynamic_metadata_from_headers, f"{where}.dynamic_metadata_from_headers"
        ),
    )
    if response.allowed_client_headers.patterns:
        names = name_list(ctx, response.allowed_client_headers, f"{where}.allowed_client_headers")
        names.patterns.extend(StringMatch(exact=name) for name in _ALWAYS_PASSED_ON)
        compiled.client_headers.CopyFrom(names)
    return compiled


def _headers_to_add(
    ctx: CompileContext, request: envoy.AuthorizationRequest, at: str
) -> list[HeaderValueOption]:
    where = f"{at}.authorization_request.headers_to_add"
    return [
        compile_header_value(
            ctx, header, AppendAction.OVERWRITE_IF_EXISTS_OR_ADD, f"{where}[{index}]"
        )
        for index, header in enumerate(request.headers_to_add)
    ]


def name_list(ctx: CompileContext, names: ListStringMatcher, at: str) -> NameList:
    """Patterns of names of headers."""
    return NameList(
        patterns=[
            compile_string(ctx, pattern, f"{at}.patterns[{index}]")
            for index, pattern in enumerate(names.patterns)
        ]
    )


def request_headers(ctx: CompileContext, names: ListStringMatcher, at: str) -> NameList:
    """The headers that such a service is told of: these and what makes a request."""
    compiled = name_list(ctx, names, at)
    compiled.patterns.extend(StringMatch(exact=name) for name in _ALWAYS_TOLD)
    return compiled
