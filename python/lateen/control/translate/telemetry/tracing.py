"""Traces.

Source: pilot/pkg/networking/core/tracing.go, pilot/pkg/model/telemetry.go Tracing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.providers import HttpHeader, OpenTelemetry, Provider, Zipkin
from lateen.control.resources.telemetry import CustomTag, Tracing
from lateen.control.translate import api
from lateen.control.translate.telemetry.applicable import Side, applicable, is_about, names
from lateen.control.translate.telemetry.receivers import find, grpc
from lateen.control.translate.values import duration, uint32

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import HeaderValueOption
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )
    from envoy.type.tracing.v3 import custom_tag_pb2 as tags
    from google.protobuf.message import Message

_ZIPKIN, _OTEL = "envoy.tracers.zipkin", "envoy.tracers.opentelemetry"
_SPANS = "/api/v2/spans"
_EXPORT_S = 5.0
_ENVIRONMENT = "envoy.tracers.opentelemetry.resource_detectors.environment"
_RBAC = "envoy.filters.http.rbac"


@dataclass
class Said:
    """What all levels say together.

    Attributes:
        provider: empty: nothing is traced.
        disabled: no span is sent.
        sampling: in per cent; None: as the mesh says.
        custom_tags: by name.
        istio_tags: whether spans tell the workload.
        propagates: whether those who are called are told of the trace.
    """

    provider: str = ""
    disabled: bool = False
    sampling: float | None = None
    custom_tags: Mapping[str, CustomTag] = field(default_factory=dict)
    istio_tags: bool = True
    propagates: bool = True

    def add(self, entry: Tracing) -> None:
        """What a further level says."""
        self.provider = next(iter(names(entry.providers)), self.provider)
        if entry.disable_span_reporting is not None:
            self.disabled = entry.disable_span_reporting
        if entry.random_sampling_percentage is not None:
            self.sampling = entry.random_sampling_percentage
        if entry.enable_istio_tags is not None:
            self.istio_tags = entry.enable_istio_tags
        if entry.disable_context_propagation is not None:
            self.propagates = not entry.disable_context_propagation
        self.custom_tags = entry.custom_tags or self.custom_tags


def tracing(mesh: Mesh, proxy: Proxy, side: Side) -> hcm.HttpConnectionManager.Tracing | None:
    """How requests of a side are traced; None: not at all."""
    defaults = mesh.config.default_providers.tracing
    said = Said(provider=defaults[0] if defaults else "")
    entries = [entry for one in applicable(mesh, proxy) for entry in one.tracing]
    for entry in entries:
        if is_about(entry.match, side):
            said.add(entry)
    provider = mesh.config.provider(said.provider) if said.provider else None
    if provider is None or said.disabled:
        return None
    name, config, longest = _provider(mesh, proxy, provider)
    if config is None:
        return None
    by_name = {tag.tag: tag for tag in _tags(mesh, proxy, said)}
    made = api.Tracing(custom_tags=[by_name[tag] for tag in sorted(by_name)])
    made.provider.name = name
    made.provider.typed_config.CopyFrom(api.packed(config))
    common = mesh.config.default_config.tracing
    made.client_sampling.value = made.overall_sampling.value = 100
    made.random_sampling.value = common.sampling if said.sampling is None else said.sampling
    if longest or common.max_path_tag_length:
        made.max_path_tag_length.CopyFrom(uint32(longest or common.max_path_tag_length))
    made.no_context_propagation = not said.propagates
    return made


def _provider(mesh: Mesh, proxy: Proxy, provider: Provider) -> tuple[str, Message | None, int]:
    """The tracer's name and configuration, and how long a tag with a path may be."""
    if provider.zipkin is not None:
        return _ZIPKIN, _zipkin(mesh, provider.zipkin), provider.zipkin.max_tag_length
    said = provider.opentelemetry
    if said is not None:
        return _OTEL, _open_telemetry(mesh, proxy, said), said.max_tag_length
    return "", None, 0


def _zipkin(mesh: Mesh, said: Zipkin) -> Message | None:
    found = find(mesh, said)
    if found is None:
        return None
    made = api.ZipkinConfig(
        collector_cluster=found.cluster,
        collector_hostname=found.host,
        collector_endpoint=said.path or _SPANS,
        collector_endpoint_version="HTTP_JSON",
        trace_id_128bit=not said.enable_64_bit_trace_id,
    )
    made.shared_span_context.value = False
    return made


def _open_telemetry(mesh: Mesh, proxy: Proxy, said: OpenTelemetry) -> Message | None:
    found = find(mesh, said)
    if found is None:
        return None
    made = api.OpenTelemetryConfig(service_name=f"{proxy.app}.{proxy.namespace}")
    if said.http is not None:
        uri = made.http_service.http_uri
        uri.uri = f"http://{found.host}/{said.http.path.removeprefix('/')}"
        uri.cluster = found.cluster
        uri.timeout.CopyFrom(duration(said.http.timeout or _EXPORT_S))
        made.http_service.request_headers_to_add.extend(_headers(said.http.headers))
    else:
        made.grpc_service.CopyFrom(grpc(found))
        if said.grpc is not None and said.grpc.timeout:
            made.grpc_service.timeout.CopyFrom(duration(said.grpc.timeout))
        for header in said.grpc.initial_metadata if said.grpc is not None else ():
            made.grpc_service.initial_metadata.add(key=header.name, value=header.value)
    if said.resource_detectors is not None and said.resource_detectors.environment is not None:
        detector = api.packed(api.EnvironmentResourceDetectorConfig())
        made.resource_detectors.add(name=_ENVIRONMENT, typed_config=detector)
    return made


def _headers(headers: Sequence[HttpHeader]) -> Iterator[HeaderValueOption]:
    for one in headers:
        yield api.HeaderValueOption(
            header=api.HeaderValue(key=one.name, value=one.value),
            append_action="OVERWRITE_IF_EXISTS_OR_ADD",
        )


def _tags(mesh: Mesh, proxy: Proxy, said: Said) -> Iterator[tags.CustomTag]:
    if said.istio_tags:
        yield from _of_workload(proxy)
        yield from _of_dry_runs()
    custom = said.custom_tags or mesh.config.default_config.tracing.custom_tags
    for name, tag in custom.items():
        yield _custom(name, tag)


def _of_workload(proxy: Proxy) -> Iterator[tags.CustomTag]:
    literals = {
        "istio.canonical_revision": proxy.revision,
        "istio.canonical_service": proxy.app,
        "istio.mesh_id": "unknown",
        "istio.namespace": proxy.namespace,
        "istio.cluster_id": "unknown",
    }
    for name, value in literals.items():
        yield api.CustomTag(tag=name, literal={"value": value})


def _of_dry_runs() -> Iterator[tags.CustomTag]:
    """What policies would have decided that are only tried."""
    for action in ("allow", "deny"):
        for name, key in (("name", "effective_policy_id"), ("result", "engine_result")):
            made = api.CustomTag(tag=f"istio.authorization.dry_run.{action}_policy.{name}")
            made.metadata.kind.request.SetInParent()
            made.metadata.metadata_key.key = _RBAC
            made.metadata.metadata_key.path.add(key=f"istio_dry_run_{action}_shadow_{key}")
            yield made


def _custom(name: str, tag: CustomTag) -> tags.CustomTag:
    made = api.CustomTag(tag=name)
    if tag.literal is not None:
        made.literal.value = tag.literal.value
    elif tag.environment is not None:
        made.environment.name = tag.environment.name
        made.environment.default_value = tag.environment.default_value
    elif tag.header is not None:
        made.request_header.name = tag.header.name
        made.request_header.default_value = tag.header.default_value
    elif tag.formatter is not None:
        made.value = tag.formatter.value
    return made
