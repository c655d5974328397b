"""The TLS of the control plane's own side: its certificate, and whom it trusts."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from ipaddress import ip_address

from cryptography import x509

from lateen.control.ca.authority import Authority, CaError, pem
from lateen.control.ca.keeper import Keeper
from lateen.identity.keys import key_pem, new_key
from lateen.identity.spiffe import Identity, IdentityError
from lateen.identity.tls import load_pair

_NAMESPACE, _SERVICE_ACCOUNT = "istio-system", "istiod"
_NAMES = ("istiod.istio-system.svc", "localhost")
_HOST = re.compile(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
# Addresses of the machine that clients connect to: 127.0.0.0/8 alone has millions.
_MOST_ADDRESSES = 64


class ServerTls:
    """Makes TLS contexts for connections that come in.

    Each has a certificate with the address that the client connected to; it is replaced at half
    its life, and when the authority changes.

    Args:
        keeper: of the authority.
        trust_domain: of the control plane's identity.
        names: that clients call the control plane by, beside Istio's own: hosts and addresses.

    Raises:
        CaError: one is neither.
    """

    def __init__(
        self, keeper: Keeper, trust_domain: Callable[[], str], names: Iterable[str] = ()
    ) -> None:
        self._keeper = keeper
        self._trust_domain = trust_domain
        self._names = [_general_name(name) for name in (*_NAMES, *names)]
        self._made_by: Authority | None = None
        self._renew_at = datetime.max.replace(tzinfo=UTC)
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, local: str) -> ssl.SSLContext:
        """What a new connection to an address of this machine is to use.

        Raises:
            CaError: no certificate can be made.
        """
        authority = self._keeper.authority
        old = authority is not self._made_by or datetime.now(UTC) >= self._renew_at
        if old or len(self._contexts) >= _MOST_ADDRESSES:
            self._made_by = authority
            self._renew_at = datetime.max.replace(tzinfo=UTC)
            self._contexts.clear()
        if local not in self._contexts:
            self._contexts[local] = self._make(authority, local)
        return self._contexts[local]

    def _make(self, authority: Authority, local: str) -> ssl.SSLContext:
        key = new_key()
        names = list(dict.fromkeys((*self._names, _general_name(local))))
        try:
            identity = Identity(self._trust_domain(), _NAMESPACE, _SERVICE_ACCOUNT)
        except IdentityError as error:
            raise CaError(f"the mesh's configuration: {error}") from None
        chain = authority.sign(key.public_key(), identity, names=names)
        left = chain[0].not_valid_after_utc - datetime.now(UTC)
        self._renew_at = min(self._renew_at, datetime.now(UTC) + left / 2)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["h2"])
        load_pair(context, key_pem(key), "".join(map(pem, chain)).encode())
        context.load_verify_locations(cadata="".join(map(pem, authority.roots)))
        context.verify_mode = ssl.CERT_OPTIONAL
        # Each connection proves anew who it is, by a root that is trusted now.
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
        context.num_tickets = 0
        return context


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    if not _HOST.fullmatch(name):
        raise CaError(f"{name!r} is no name of a host, and no address")
    return x509.DNSName(name)
