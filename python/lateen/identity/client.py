"""Asks the mesh's certificate authority for a workload's certificate.

Source: istio.io/api security/v1alpha1/ca.proto (IstioCertificateService)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from google.protobuf.message import DecodeError

from lateen.protos.ca_pb2 import CertificateRequest, CertificateResponse

if TYPE_CHECKING:
    import grpc.aio

SERVICE, METHOD = "istio.v1.auth.IstioCertificateService", "CreateCertificate"
_TIMEOUT_S = 10.0


class AnswerError(Exception):
    """The authority's answer cannot be used: its fault, not the caller's; ask again later."""


@dataclass(frozen=True)
class Issued:
    """A certificate as the authority sent it.

    Attributes:
        chain: PEM: the workload's certificate, then those above it, without the root.
        roots: PEM of all whom the mesh trusts.
        not_after: when it ends to be.
    """

    chain: bytes
    roots: bytes
    not_after: datetime


async def create_certificate(
    channel: grpc.aio.Channel, request: bytes, life: timedelta | None = None, token: str = ""
) -> Issued:
    """Have a signing request signed, once.

    Args:
        channel: to the authority, with TLS; a certificate that it has says who the caller is.
        request: PEM, as `keys.signing_request` makes it.
        life: how long the certificate is to be valid; None: as the authority thinks right.
        token: says who the caller is where the channel has no certificate.

    Raises:
        grpc.aio.AioRpcError: the authority refused, or was not reached; its code says which.
        AnswerError: it answered with something else than certificates.
    """
    seconds = 0 if life is None else int(life.total_seconds())
    asked = CertificateRequest(csr=request.decode(), validity_duration=seconds)
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    method = channel.unary_unary(f"/{SERVICE}/{METHOD}")
    data = await method(asked.SerializeToString(), metadata=metadata, timeout=_TIMEOUT_S)
    return read_answer(data)


def read_answer(data: bytes) -> Issued:
    """The certificates of a serialized CertificateResponse.

    Raises:
        AnswerError: they are none.
    """
    try:
        texts = CertificateResponse.FromString(data).cert_chain
        found = x509.load_pem_x509_certificates("\n".join(texts).encode())
    except (DecodeError, ValueError, x509.InvalidVersion) as error:
        raise AnswerError(f"the authority's answer has no certificates: {error}") from None
    # The last is a root, also one that somebody else vouches for.
    roots = [one for one in found if one.issuer == one.subject or one is found[-1]]
    chain = [one for one in found if one not in roots]
    if not chain:
        raise AnswerError("the authority's answer lacks a certificate or a root")
    return Issued(_pem(chain), _pem(roots), chain[0].not_valid_after_utc)


def _pem(certificates: list[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
