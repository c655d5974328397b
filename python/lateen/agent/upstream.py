"""Channels to the control plane."""

from __future__ import annotations

import grpc
import grpc.aio

Option = tuple[str, int | str]

_OPTIONS: tuple[Option, ...] = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", -1),
    # A channel of its own: a new one is a new connection, with the certificate of the moment.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
)


class Upstream:
    """Where the control plane is.

    Args:
        discovery: `HOST:PORT`.
    """

    def __init__(self, discovery: str) -> None:
        self.discovery = discovery

    def open(self) -> grpc.aio.Channel:
        """A new channel."""
        return grpc.aio.insecure_channel(self.discovery, options=_OPTIONS)
