"""What a ConfigSource says.

Source: envoy/config/core/v3/config_source.proto; the errors are Envoy 1.40's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ApiConfigSource, ConfigSource

_DEFAULT_FETCH_TIMEOUT_S = 15.0


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
    """What api_type says.

    Raises:
        SourceError: it says nothing that there is.
    """
    kind = _KINDS.get(api.api_type)
    if kind is None:
        raise SourceError("REST_LEGACY is no longer a supported ApiConfigSource")
    return kind


def initial_fetch_timeout_s(source: ConfigSource) -> float:
    """Seconds to wait for a first answer; 0: for ever."""
    if not source.HasField("initial_fetch_timeout"):
        return _DEFAULT_FETCH_TIMEOUT_S
    timeout = source.initial_fetch_timeout
    return timeout.seconds + timeout.nanos / 1e9


def unknown_cluster(name: str) -> SourceError:
    """What is wrong with a source whose cluster is not in the bootstrap."""
    return SourceError(
        "envoy.config.core.v3.ApiConfigSource must have a statically defined non-EDS cluster: "
        f"'{name}' does not exist, was added via api, or is an EDS cluster"
    )
