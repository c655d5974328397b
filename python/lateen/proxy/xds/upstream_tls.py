"""TLS to a control plane, as the UpstreamTlsContext of its cluster describes it.

gRPC always compares the server's certificate with a name; Envoy does so only when it is told to.
What Envoy would accept is therefore looked up first, in a handshake of its own: a name that the
certificate has becomes the name to compare with, after the chain was verified.

Source: envoy/extensions/transport_sockets/tls/v3/tls.proto and common.proto
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from lateen.proxy.xds.data_source import read_data_source
from lateen.proxy.xds.file_secrets import check_secrets, with_secrets
from lateen.proxy.xds.peer_certificate import PeerQuestion, names_of_peer
from lateen.proxy.xds.san import san_tests
from lateen.proxy.xds.target import Option, TargetError

if TYPE_CHECKING:
    import grpc
    from envoy.extensions.transport_sockets.tls.v3.common_pb2 import CertificateValidationContext
    from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import (
        CommonTlsContext,
        UpstreamTlsContext,
    )
    from google.protobuf.message import Message

    from lateen.proxy.xds.endpoints import Endpoint

_CONTEXT = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"


class UpstreamTls:
    """Makes the credentials of channels to one cluster."""

    def __init__(self, config: UpstreamTlsContext) -> None:
        self._config = config
        self._validation = _validation(config.common_tls_context)

    @classmethod
    def of(cls, config: Message, cluster: str) -> UpstreamTls:
        """The TLS that a transport socket's configuration describes.

        Raises:
            TargetError: it describes something else, or has secrets that are not in files.
        """
        if config.DESCRIPTOR.full_name != _CONTEXT:
            raise TargetError(
                f"cluster '{cluster}': transport socket {config.DESCRIPTOR.full_name} is not "
                "implemented for a control plane"
            )
        context = cast("UpstreamTlsContext", config)
        check_secrets(context.common_tls_context, cluster)
        return cls(context)

    def question(self, endpoint: Endpoint) -> PeerQuestion:
        """Whom to ask for a certificate, and as whom.

        Raises:
            TargetError: a file cannot be read, or lacks a secret.
        """
        config = with_secrets(self._config)
        self._validation = _validation(config.common_tls_context)
        key = chain = b""
        for certificate in config.common_tls_context.tls_certificates[:1]:
            key = read_data_source(certificate.private_key)
            chain = read_data_source(certificate.certificate_chain)
        roots = read_data_source(self._validation.trusted_ca)
        return PeerQuestion(endpoint, self._config.sni, roots, key, chain)

    def check(self, names: Sequence[tuple[str, str]]) -> None:
        """Compares the names of a certificate with those that are wanted.

        Raises:
            TargetError: none is.
        """
        tests = san_tests(self._validation)
        if tests and not any(test(*name) for name in names for test in tests):
            raise TargetError("certificate verify failed: verify SAN list")

    async def credentials(
        self, endpoint: Endpoint
    ) -> tuple[grpc.ChannelCredentials, Sequence[Option]]:
        """Credentials for a channel to a server, and the options that go with them.

        Raises:
            TargetError: a file cannot be read, or the server's certificate does not do.
        """
        import grpc

        question = self.question(endpoint)
        peer = await asyncio.to_thread(names_of_peer, question)
        name = self._name_to_compare(peer.names)
        credentials = grpc.ssl_channel_credentials(
            question.roots or peer.certificate, question.key or None, question.chain or None
        )
        return credentials, [("grpc.ssl_target_name_override", name)]

    def _name_to_compare(self, names: Sequence[tuple[str, str]]) -> str:
        """A name of the certificate that gRPC can compare with.

        Raises:
            TargetError: no name is one that is wanted, or none is a host's.
        """
        self.check(names)
        hosts = [value for kind, value in names if kind in ("DNS", "IP Address")]
        if self._config.sni in hosts:
            return self._config.sni
        if not hosts:
            raise TargetError("the control plane's certificate names no host, only URIs or nothing")
        return hosts[0].replace("*", "lateen", 1)


def _validation(context: CommonTlsContext) -> CertificateValidationContext:
    if context.HasField("combined_validation_context"):
        return context.combined_validation_context.default_validation_context
    return context.validation_context
