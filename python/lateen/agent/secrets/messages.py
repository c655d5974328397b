"""Secrets as messages (envoy/extensions/transport_sockets/tls/v3/secret.proto), serialized."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.protos import envoy_types
from lateen.xds.resource_types import SDS

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret


def certificate_secret(name: str, chain: bytes, key: bytes) -> bytes:
    """A certificate chain and its key, both PEM."""
    made = _secret(name)
    made.tls_certificate.certificate_chain.inline_bytes = chain
    made.tls_certificate.private_key.inline_bytes = key
    return made.SerializeToString()


def roots_secret(name: str, roots: bytes) -> bytes:
    """Whom to trust, as PEM."""
    made = _secret(name)
    made.validation_context.trusted_ca.inline_bytes = roots
    return made.SerializeToString()


def _secret(name: str) -> Secret:
    made = cast("Secret", envoy_types().message_class(SDS.message)())
    made.name = name
    return made
