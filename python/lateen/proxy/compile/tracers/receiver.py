"""Services that get reports by POST.

Source: HttpService in envoy/config/core/v3/http_service.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import ServiceClient, SpanReceiver
from lateen.proxy.compile.headers import compile_options
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.config.core.v3.http_service_pb2 import HttpService

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.core.v3.HttpService",
        implemented="http_uri request_headers_to_add",
        rejected={"formatters": "values of headers have the commands of every format string"},
    ),
)


def compile_receiver(ctx: CompileContext, service: HttpService, at: str) -> SpanReceiver:
    """What posts reports to the URI of a service, through the cluster that it names."""
    uri = service.http_uri
    _, _, rest = uri.uri.rpartition("://")
    authority, _, path = rest.partition("/")
    return SpanReceiver(
        client=client_of(uri.cluster, milliseconds(uri.timeout)),
        authority=authority,
        path=f"/{path}",
        headers=compile_options(
            ctx, service.request_headers_to_add, f"{at}.request_headers_to_add"
        ),
    )


def client_of(cluster: str, timeout_ms: int) -> ServiceClient:
    """What reports are sent by."""
    return ServiceClient(cluster=cluster, timeout_ms=timeout_ms, internal=True, forwarded_for=True)
