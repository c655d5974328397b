"""Where a gRPC stream may go: a channel to open, and what the stream says first."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc.aio
    from envoy.config.core.v3.base_pb2 import HeaderValue

Option = tuple[str, str | int]
Metadata = tuple[tuple[str, str | bytes], ...]


class TargetError(Exception):
    """A channel cannot be opened as configured; the message says why, and a retry may help."""


@dataclass(frozen=True)
class Target:
    """A server of a control plane.

    Attributes:
        name: for the log.
        open: makes a channel; raises TargetError.
        metadata: sent when a stream begins.
        base_interval_s: the first bound of the wait between attempts.
        max_interval_s: the last.
        unreachable_s: bounds the wait after the server could not be reached; None: nothing more.
            A refused connection costs the server nothing: one that comes back has its proxies
            within five seconds.
    """

    name: str
    open: Callable[[], Awaitable[grpc.aio.Channel]]
    metadata: Metadata = ()
    base_interval_s: float = 0.5
    max_interval_s: float = 30.0
    unreachable_s: float | None = 4.0


def open_channel(
    address: str, options: Sequence[Option], credentials: grpc.ChannelCredentials | None
) -> grpc.aio.Channel:
    """A channel; it connects when a stream begins."""
    # gRPC is loaded only when a configuration needs it: it costs 20 MB. Its own log would go to
    # stderr in a format of its own; what matters is in the status of a stream.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import grpc.aio

    every = [
        # As Envoy: what the environment says of HTTP proxies does not count.
        ("grpc.enable_http_proxy", 0),
        # A channel serves one stream: another attempt connects anew, without a wait of its own.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),
        *options,
    ]
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=every)
    return grpc.aio.secure_channel(address, credentials, options=every)


def metadata_of(values: Sequence[HeaderValue]) -> Metadata:
    """`initial_metadata` as gRPC takes it."""
    return tuple(
        (each.key.lower(), each.raw_value if each.key.lower().endswith("-bin") else _text(each))
        for each in values
    )


def _text(header: HeaderValue) -> str:
    return header.value or header.raw_value.decode("latin-1")
