"""The filters that ask a service whether a call may pass.

Source: pilot/pkg/security/authz/builder/extauthz.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lateen.control.providers import Authorizer, HttpAuthorizer, RequestBody
from lateen.control.translate import api
from lateen.control.translate.telemetry.receivers import Found
from lateen.control.translate.values import duration

if TYPE_CHECKING:
    from envoy.config.core.v3.grpc_service_pb2 import GrpcService
    from envoy.extensions.filters.http.ext_authz.v3 import ext_authz_pb2 as http
    from envoy.extensions.filters.network.ext_authz.v3 import ext_authz_pb2 as network
    from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
    from envoy.type.matcher.v3.string_pb2 import ListStringMatcher

# So long a destination rule of the service may let it take; Envoy itself would give up after 0.2 s.
_TIMEOUT_S = 600.0
_MOST_BYTES = 1 << 20
_STATUSES = frozenset(map(str, range(100, 600)))


def ask_about_requests(said: Authorizer, found: Found, concerned: MetadataMatcher) -> http.ExtAuthz:
    """The HTTP filter.

    Args:
        said: how the service is asked.
        found: the service.
        concerned: matches what it is asked about.
    """
    made = api.HttpExtAuthz(
        failure_mode_allow=said.fail_open,
        clear_route_cache=said.clear_route_cache,
        transport_api_version="V3",
        filter_enabled_metadata=concerned,
    )
    if said.status_on_error in _STATUSES:
        made.MergeFrom(api.HttpExtAuthz(status_on_error={"code": int(said.status_on_error)}))
    if said.include_request_body_in_check is not None:
        _with_body(made, said.include_request_body_in_check)
    if isinstance(said, HttpAuthorizer):
        _over_http(made, said, found)
    else:
        made.grpc_service.CopyFrom(_grpc(said, found))
    return made


def ask_about_connections(
    said: Authorizer, found: Found, concerned: MetadataMatcher
) -> network.ExtAuthz:
    """The network filter; arguments as those of `ask_about_requests`."""
    return api.NetworkExtAuthz(
        stat_prefix="tcp.",
        failure_mode_allow=said.fail_open,
        transport_api_version="V3",
        grpc_service=_grpc(said, found),
        filter_enabled_metadata=concerned,
    )


def _grpc(said: Authorizer, found: Found) -> GrpcService:
    made = api.GrpcService()
    made.envoy_grpc.cluster_name = found.cluster
    # `|` may not be in a host.
    made.envoy_grpc.authority = found.cluster.replace("|", "_.")
    made.timeout.CopyFrom(duration(said.timeout or _TIMEOUT_S))
    return made


def _with_body(made: http.ExtAuthz, said: RequestBody) -> None:
    made.with_request_body.max_request_bytes = said.max_request_bytes or _MOST_BYTES
    made.with_request_body.allow_partial_message = said.allow_partial_message
    made.with_request_body.pack_as_bytes = said.pack_as_bytes


def _over_http(made: http.ExtAuthz, said: HttpAuthorizer, found: Found) -> None:
    service = made.http_service
    service.path_prefix = said.path_prefix
    service.server_uri.uri = f"http://{found.host}"
    service.server_uri.cluster = found.cluster
    service.server_uri.timeout.CopyFrom(duration(said.timeout or _TIMEOUT_S))
    if said.include_request_headers_in_check:
        made.allowed_headers.CopyFrom(_headers(said.include_request_headers_in_check))
    for name, value in sorted(said.include_additional_headers_in_check.items()):
        service.authorization_request.headers_to_add.add(key=name, value=value)
    answer = service.authorization_response
    for field, names in (
        (answer.allowed_upstream_headers, said.headers_to_upstream_on_allow),
        (answer.allowed_client_headers_on_success, said.headers_to_downstream_on_allow),
        (answer.allowed_client_headers, said.headers_to_downstream_on_deny),
    ):
        if names:
            field.CopyFrom(_headers(names))


def _headers(names: Sequence[str]) -> ListStringMatcher:
    """Names, of which `*` at one end stands for anything."""
    made = api.ListStringMatcher()
    for name in names:
        if name.endswith("*"):
            made.patterns.add(prefix=name.removesuffix("*"), ignore_case=True)
        elif name.startswith("*"):
            made.patterns.add(suffix=name.removeprefix("*"), ignore_case=True)
        else:
            made.patterns.add(exact=name, ignore_case=True)
    return made
