"""Gives callers the certificates of their identities.

Who the caller is, its client certificate says, or a join token. What the request names is only
compared with that.

Source: istio.io/api security/v1alpha1/ca.proto; Istio, security/pkg/server/ca/server.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from lateen.control.ca.authority import DEFAULT_LIFE, LONGEST_LIFE, CaError, pem
from lateen.control.ca.counts import CaCounts
from lateen.control.ca.keeper import Keeper
from lateen.control.ca.requests import RequestError, SigningRequest, read_request
from lateen.control.ca.tokens import Known, TokenError, Tokens
from lateen.control.secure.peers import Peer, Peers
from lateen.control.secure.refused import RefusedError
from lateen.identity.client import METHOD, SERVICE
from lateen.identity.spiffe import Identity, IdentityError
from lateen.protos.ca_pb2 import CertificateRequest, CertificateResponse

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[bytes, bytes]

_BEARER = "bearer "
_MOST_TOLD, _LONGEST_TOLD = 3, 100


@dataclass(frozen=True)
class _Caller:
    """Who asks: an identity, and the token that says so where no certificate does."""

    identity: Identity
    token: Known | None = None


class CertificateService:
    """Serves CreateCertificate.

    Args:
        keeper: of the authority that signs.
        peers: tells who is at the other end.
        say: is told of each call that is refused, a line each.
        counts: of what came of the calls.
    """

    def __init__(
        self, keeper: Keeper, peers: Peers, say: Callable[[str], None], counts: CaCounts
    ) -> None:
        self._keeper = keeper
        self._tokens = Tokens(keeper.directory)
        self._peers = peers
        self._say = say
        self._counts = counts

    def handler(self) -> grpc.GenericRpcHandler:
        """The service, for a gRPC server."""
        method: grpc.RpcMethodHandler[bytes, bytes]
        method = grpc.unary_unary_rpc_method_handler(self._create)
        return grpc.method_handlers_generic_handler(SERVICE, {METHOD: method})

    async def _create(self, data: bytes, context: Context) -> bytes:
        self._counts.csr_count += 1
        address = "somebody"
        try:
            peer = self._peers.peer(context.peer())
            address = peer.address
            made = self._answer(data, peer, _token(context))
        except RefusedError as error:
            self._say(f"refused {address}: {METHOD}: {error}")
            await context.abort(error.code, str(error))
        self._counts.success_cert_issuance_count += 1
        return made.SerializeToString()

    def _answer(self, data: bytes, peer: Peer, token: str) -> CertificateResponse:
        caller = self._caller(peer, token)
        try:
            asked = CertificateRequest.FromString(data)
            request = read_request(asked.csr.encode())
        except (DecodeError, RequestError) as error:
            self._counts.csr_parsing_err_count += 1
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from None
        self._compare(request, caller.identity)
        made = self._sign(request, caller.identity, asked.validity_duration)
        # Last, so that what cannot be granted costs no token; who comes second gets nothing.
        self._spend(caller)
        return made

    def _caller(self, peer: Peer, token: str) -> _Caller:
        """Who asks.

        Raises:
            RefusedError: neither a certificate nor a token says so.
        """
        try:
            if peer.certificate is not None or not token:
                return _Caller(replace(self._peers.identity(peer), trust_domain=self._domain))
            known = self._tokens.check(token)
            grant = known.grant
            return _Caller(Identity(self._domain, grant.namespace, grant.service_account), known)
        except RefusedError:
            self._counts.authentication_failure_count += 1
            raise
        except (TokenError, IdentityError) as error:
            self._unauthenticated(error)

    @property
    def _domain(self) -> str:
        return self._peers.trust_domain

    def _compare(self, request: SigningRequest, caller: Identity) -> None:
        """Refuse a request that names somebody else.

        Raises:
            RefusedError: it does.
        """
        domains = self._peers.trust_domains
        own = {f"spiffe://{domain}/{caller.path}" for domain in domains}
        foreign = [name for name in request.names if name not in own]
        if foreign:
            self._counts.id_extraction_err_count += 1
            reason = f"{caller} asks for a certificate of {_listed(foreign)}"
            raise RefusedError(grpc.StatusCode.PERMISSION_DENIED, reason)

    def _spend(self, caller: _Caller) -> None:
        if caller.token is None:
            return
        try:
            self._tokens.spend(caller.token)
        except TokenError as error:
            self._unauthenticated(error)

    def _unauthenticated(self, error: Exception) -> NoReturn:
        self._counts.authentication_failure_count += 1
        raise RefusedError(grpc.StatusCode.UNAUTHENTICATED, str(error)) from None

    def _sign(
        self, request: SigningRequest, identity: Identity, seconds: int
    ) -> CertificateResponse:
        authority = self._keeper.authority
        longest = int(LONGEST_LIFE.total_seconds())
        life = timedelta(seconds=min(seconds, longest)) if seconds > 0 else DEFAULT_LIFE
        try:
            chain = authority.sign(request.key, identity, life)
        except CaError as error:
            self._counts.csr_sign_err_count += 1
            raise RefusedError(grpc.StatusCode.INTERNAL, str(error)) from None
        return CertificateResponse(cert_chain=[pem(one) for one in (*chain, *authority.roots)])


def _token(context: Context) -> str:
    """The bearer token of a call; "" for none."""
    for key, value in context.invocation_metadata() or ():
        if key == "authorization" and isinstance(value, str) and value.lower().startswith(_BEARER):
            return value[len(_BEARER) :].strip()
    return ""


def _listed(names: Sequence[str]) -> str:
    """Names as they are told: callers choose them, and how long and how many they are."""
    told = ", ".join(repr(name[:_LONGEST_TOLD]) for name in names[:_MOST_TOLD])
    return told if len(names) <= _MOST_TOLD else f"{told} and {len(names) - _MOST_TOLD} more"
