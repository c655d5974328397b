"""A workload's key and certificate: how long they are good, and how they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from lateen.agent.state import State
from lateen.identity.client import Issued
from lateen.identity.keys import key_pem
from lateen.identity.spiffe import Identity, uris

# Not all certificates of a mesh are renewed at once.
_SPREAD = 0.01


@dataclass(frozen=True)
class Credentials:
    """What proves who a workload is.

    Attributes:
        key: PEM.
        chain: PEM: the workload's certificate, then those above it, without the root.
        roots: PEM of all whom the mesh trusts.
        since: when they were had.
        until: when they prove nothing any more.
    """

    key: bytes
    chain: bytes
    roots: bytes
    since: datetime
    until: datetime

    @classmethod
    def of(cls, key: bytes, issued: Issued, now: datetime) -> Credentials:
        """What the authority gave for a key, just now."""
        return cls(key, issued.chain, issued.roots, now, issued.not_after)

    def expired(self, now: datetime) -> bool:
        """Whether they prove nothing any more."""
        return now >= self.until

    def renewal(self, grace_ratio: float, random: Random) -> datetime:
        """When to ask for new ones.

        Source: security/pkg/nodeagent/cache/secretcache.go of Istio, rotateTime.

        Args:
            grace_ratio: the part of their life that is left then.
            random: moves the time, by a hundredth of their life at most.
        """
        ratio = min(1.0, max(0.0, grace_ratio + random.uniform(-_SPREAD, _SPREAD)))
        return self.until - (self.until - self.since) * ratio


def save(state: State, credentials: Credentials) -> None:
    """Keep credentials for the next start.

    Raises:
        StateError: they cannot be written.
    """
    state.write(state.roots, credentials.roots)
    # In one file: they are replaced together, or not.
    state.write(state.credentials, credentials.key + credentials.chain)


def restore(state: State, identity: Identity, now: datetime) -> Credentials | None:
    """The credentials of an earlier run; None: there are none of this identity that are good."""
    try:
        pair, roots = state.credentials.read_bytes(), state.roots.read_bytes()
        key = load_pem_private_key(pair, password=None)
        chain = x509.load_pem_x509_certificates(pair)
    except (OSError, ValueError, TypeError, x509.InvalidVersion):
        return None
    leaf = chain[0]
    if not isinstance(key, ec.EllipticCurvePrivateKey) or leaf.public_key() != key.public_key():
        return None
    if not any(uri.endswith(f"/{identity.path}") for uri in uris(leaf)):
        return None
    above = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    found = Credentials(
        key_pem(key), above, roots, leaf.not_valid_before_utc, leaf.not_valid_after_utc
    )
    return None if found.expired(now) else found
