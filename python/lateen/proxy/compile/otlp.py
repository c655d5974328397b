"""Services that OTLP goes to, and the resource that it is about.

Source: https://opentelemetry.io/docs/specs/otlp/; envoy/config/core/v3/http_service.proto; how a
request looks as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import OtlpHttpService
from lateen.proxy.compile.headers import compile_options
from lateen.proxy.compile.service_client import compile_http_client

if TYPE_CHECKING:
    from envoy.config.core.v3.http_service_pb2 import HttpService
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from lateen.protos import TypeRegistry
    from lateen.proxy.compile.context import CompileContext

HTTP_SERVICE = Fields(
    "envoy.config.core.v3.HttpService",
    implemented="http_uri request_headers_to_add",
    rejected={"formatters": "headers have the commands that every format has"},
    within={"http_uri": whole("envoy.config.core.v3.HttpUri")},
)
"""For `within` of what holds a service that speaks OTLP over HTTP."""

_RESOURCE = "opentelemetry.proto.common.v1.KeyValueList"


def compile_http_service(ctx: CompileContext, service: HttpService, at: str) -> OtlpHttpService:
    """The client of a service that speaks OTLP over HTTP."""
    authority, path = split_uri(service.http_uri.uri)
    client = compile_http_client(ctx, service.http_uri, None, at)
    client.forwarded_for = True
    return OtlpHttpService(
        client=client,
        authority=authority,
        path=path,
        user_agent=user_agent(ctx),
        headers=compile_options(
            ctx, service.request_headers_to_add, f"{at}.request_headers_to_add"
        ),
    )


def split_uri(uri: str) -> tuple[str, str]:
    """Authority and path."""
    authority, _, path = uri.partition("://")[2].partition("/")
    return authority, f"/{path}"


def user_agent(ctx: CompileContext) -> str:
    """What receivers know senders by."""
    return f"OTel-OTLP-Exporter-Envoy/{node_version(ctx)}"


def node_version(ctx: CompileContext) -> str:
    """The version that this proxy has for others: of the Envoy that it stands for."""
    version = ctx.parsed_node().user_agent_build_version.version
    return f"{version.major_number}.{version.minor_number}.{version.patch}"


def resource(types: TypeRegistry, labels: Mapping[str, str], given: Iterable[KeyValue]) -> bytes:
    """A serialized Resource; of attributes with the same key the last given is the one."""
    # Its attributes have the number that the values of a KeyValueList have.
    found: dict[str, KeyValue] = {}
    message = types.message_class(_RESOURCE)()
    for key, value in labels.items():
        pair = message.values.add(key=key)  # type: ignore[attr-defined]
        pair.value.string_value = value
        found[key] = pair
    found.update({pair.key: pair for pair in given})
    return types.message_class(_RESOURCE)(values=found.values()).SerializeToString()
