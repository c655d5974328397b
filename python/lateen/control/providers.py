"""Extension providers of the mesh's configuration: where logs and spans go, who authorizes.

Source: istio/api mesh/v1alpha1/config.proto MeshConfig.ExtensionProvider.
"""

from __future__ import annotations

import msgspec

from lateen.control.resources.meta import Lenient
from lateen.control.resources.scalars import Duration, UInt32


class LogFormat(Lenient, frozen=True):
    """How a log is written: a text, or an object of texts."""

    text: str = ""
    labels: dict[str, str] | None = None


class FileLog(Lenient, frozen=True):
    """A log in a file of the proxy."""

    path: str = "/dev/stdout"
    log_format: LogFormat | None = None
    omit_empty_values: bool = False


class Receiver(Lenient, frozen=True):
    """A service of the mesh: `[NAMESPACE/]HOST`, and one of its ports."""

    service: str = ""
    port: UInt32 = 0


class GrpcLog(Receiver, frozen=True):
    """A service that takes logs over gRPC."""

    log_name: str = ""
    filter_state_objects_to_log: tuple[str, ...] = ()
    additional_request_headers_to_log: tuple[str, ...] = ()
    additional_response_headers_to_log: tuple[str, ...] = ()
    additional_response_trailers_to_log: tuple[str, ...] = ()


class OpenTelemetryLog(Receiver, frozen=True):
    """A service that takes logs of OpenTelemetry."""

    log_name: str = ""
    log_format: LogFormat | None = None


class Zipkin(Receiver, frozen=True):
    """A service that takes spans of Zipkin."""

    max_tag_length: UInt32 = 0
    path: str = ""
    enable_64_bit_trace_id: bool = msgspec.field(default=False, name="enable64bitTraceId")


class HttpHeader(Lenient, frozen=True):
    """A header of what is sent to a service."""

    name: str
    value: str = ""


class HttpExport(Lenient, frozen=True):
    """Spans go over HTTP."""

    path: str = ""
    timeout: Duration | None = None
    headers: tuple[HttpHeader, ...] = ()


class GrpcExport(Lenient, frozen=True):
    """Spans go over gRPC."""

    timeout: Duration | None = None
    initial_metadata: tuple[HttpHeader, ...] = ()


class Nothing(Lenient, frozen=True):
    """A message without fields."""


class ResourceDetectors(Lenient, frozen=True):
    """What tells the resource that spans are of."""

    environment: Nothing | None = None


class OpenTelemetry(Receiver, frozen=True):
    """A service that takes spans of OpenTelemetry."""

    max_tag_length: UInt32 = 0
    http: HttpExport | None = None
    grpc: GrpcExport | None = None
    resource_detectors: ResourceDetectors | None = None


class RequestBody(Lenient, frozen=True):
    """How much of a request's body an authorizer gets."""

    max_request_bytes: UInt32 = 0
    allow_partial_message: bool = False
    pack_as_bytes: bool = False


class Authorizer(Receiver, frozen=True):
    """A service that is asked whether a request may pass."""

    timeout: Duration | None = None
    fail_open: bool = False
    clear_route_cache: bool = False
    status_on_error: str = ""
    include_request_body_in_check: RequestBody | None = None


class HttpAuthorizer(Authorizer, frozen=True):
    """One that is asked over HTTP."""

    path_prefix: str = ""
    include_request_headers_in_check: tuple[str, ...] = ()
    include_additional_headers_in_check: dict[str, str] = {}
    headers_to_upstream_on_allow: tuple[str, ...] = ()
    headers_to_downstream_on_allow: tuple[str, ...] = ()
    headers_to_downstream_on_deny: tuple[str, ...] = ()


class Provider(Lenient, frozen=True):
    """A provider: a name, and one of the others; Lightstep is only known to be deprecated."""

    name: str
    envoy_file_access_log: FileLog | None = None
    envoy_http_als: GrpcLog | None = None
    envoy_tcp_als: GrpcLog | None = None
    envoy_otel_als: OpenTelemetryLog | None = None
    zipkin: Zipkin | None = None
    opentelemetry: OpenTelemetry | None = None
    prometheus: Nothing | None = None
    lightstep: Nothing | None = None
    envoy_ext_authz_http: HttpAuthorizer | None = None
    envoy_ext_authz_grpc: Authorizer | None = None

    @property
    def receiver(self) -> Receiver | None:
        """The service that it is; None: it is none."""
        every: tuple[Receiver | None, ...] = (
            self.envoy_http_als,
            self.envoy_tcp_als,
            self.envoy_otel_als,
            self.zipkin,
            self.opentelemetry,
            self.envoy_ext_authz_http,
            self.envoy_ext_authz_grpc,
        )
        return next((one for one in every if one is not None), None)

    @property
    def is_known(self) -> bool:
        """Whether it is one of those that can be translated."""
        built_in = self.envoy_file_access_log is not None or self.prometheus is not None
        return built_in or self.receiver is not None


class DefaultProviders(Lenient, frozen=True):
    """What holds where no Telemetry names providers."""

    tracing: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    access_logging: tuple[str, ...] = ()


#: Those that every mesh has.
BUILT_IN = (
    Provider(name="prometheus", prometheus=Nothing()),
    Provider(name="envoy", envoy_file_access_log=FileLog()),
)
