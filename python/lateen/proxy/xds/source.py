"""What a ConfigSource says.

Source: envoy/config/core/v3/config_source.proto; the errors are Envoy 1.40's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ApiConfigSource, ConfigSource

_DEFAULT_FETCH_TIMEOUT_S = 15.0
_API = "envoy.config.core.v3.ApiConfigSource"
_V2 = 1
_DELTA_GRPC = 3


class SourceError(Exception):
    """Nothing can come from a source as it is configured; the message says why."""


class ApiKind(NamedTuple):
    """How an ApiConfigSource brings resources."""

    rest: bool
    delta: bool
    aggregated: bool


_KINDS = {
    1: ApiKind(True, False, False),
    2: ApiKind(False, False, False),
    3: ApiKind(False, True, False),
    5: ApiKind(False, False, True),
    6: ApiKind(False, True, True),
}


def api_kind(api: ApiConfigSource) -> ApiKind:
    """What api_type says, and whether the other fields go with it.

    Raises:
        SourceError: they do not, or it says nothing that there is.
    """
    kind = _KINDS.get(api.api_type)
    if kind is None:
        raise SourceError("REST_LEGACY is no longer a supported ApiConfigSource")
    if api.transport_api_version == _V2:
        raise SourceError("V2 xDS transport protocol version is deprecated")
    if kind.rest:
        if api.grpc_services:
            raise SourceError(f"{_API}, if not a gRPC type, must not have a gRPC service specified")
        if len(api.cluster_names) != 1:
            raise SourceError(f"{_API} must have a singleton cluster name specified")
    else:
        if api.cluster_names:
            raise SourceError(f"{_API}::(DELTA_)GRPC must not have a cluster name specified")
        if not api.grpc_services:
            raise SourceError("API configs must have at least one gRPC service")
    return kind


def check_ads(api: ApiConfigSource) -> None:
    """Refuses what ads_config cannot be.

    Raises:
        SourceError: why.
    """
    kind = api_kind(api)
    if kind.rest or kind.aggregated:
        raise SourceError(f"{_API} type must be of non-aggregated gRPC")


def check_vhds(source: ConfigSource) -> None:
    """Refuses what virtual hosts cannot come from.

    Raises:
        SourceError: why.
    """
    kind = source.WhichOneof("config_source_specifier")
    if kind == "ads" or (kind == "api_config_source" and _is_delta(source.api_config_source)):
        return
    raise SourceError(
        "vhds: only 'DELTA_GRPC' or 'ADS' (which uses Delta xDS) is supported as a config source."
    )


def _is_delta(api: ApiConfigSource) -> bool:
    return api.api_type == _DELTA_GRPC


def initial_fetch_timeout_s(source: ConfigSource) -> float:
    """Seconds to wait for a first answer; 0: for ever."""
    if not source.HasField("initial_fetch_timeout"):
        return _DEFAULT_FETCH_TIMEOUT_S
    timeout = source.initial_fetch_timeout
    return timeout.seconds + timeout.nanos / 1e9


def unknown_cluster(name: str) -> SourceError:
    """What is wrong with a source whose cluster is not in the bootstrap."""
    return SourceError(
        f"{_API} must have a statically defined non-EDS cluster: "
        f"'{name}' does not exist, was added via api, or is an EDS cluster"
    )
