"""Channels to the control plane."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio

from lateen.agent.credentials import Credentials

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


class UpstreamError(Exception):
    """The control plane cannot be called; the message says why and what to do."""


class Upstream:
    """Where the control plane is, and who may say that he is it.

    Args:
        discovery: `HOST:PORT`.
        ca_root: a PEM file of those whom its certificate must be from, beside the mesh's roots;
            None: it is spoken to without TLS.
    """

    def __init__(self, discovery: str, ca_root: Path | None) -> None:
        self.discovery = discovery
        self._ca_root = ca_root

    def open(self, credentials: Credentials | None) -> grpc.aio.Channel:
        """A new channel.

        Args:
            credentials: of the caller; None: it has none yet.

        Raises:
            UpstreamError: the file of roots cannot be read.
        """
        if self._ca_root is None:
            return grpc.aio.insecure_channel(self.discovery, options=_OPTIONS)
        try:
            roots = self._ca_root.read_bytes()
        except OSError as error:
            raise UpstreamError(f"--ca-root: cannot read {self._ca_root}: {error}") from None
        key = chain = None
        if credentials is not None:
            key, chain = credentials.key, credentials.chain
            roots += b"\n" + credentials.roots
        tls = grpc.ssl_channel_credentials(roots, key, chain)
        return grpc.aio.secure_channel(self.discovery, tls, _OPTIONS)
