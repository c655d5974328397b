"""Asks the resolvers of the machine what the mesh does not know."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import dns.asyncquery
import dns.entropy
import dns.exception
import dns.message
import dns.rcode

from lateen.agent.names.answers import failure

RESOLV_CONF = Path("/etc/resolv.conf")
_TIMEOUT_S = 2.0
# Queries that wait for a resolver; further ones fail at once.
_AT_ONCE = 512


@dataclass(frozen=True)
class Resolver:
    """A server of names.

    Attributes:
        address: its IP address.
        port: of its address.
    """

    address: str
    port: int = 53


@dataclass(frozen=True)
class Resolving:
    """How a machine looks names up.

    Attributes:
        resolvers: asked in this order, the next when one does not answer.
        search: domains that short names are tried in.
    """

    resolvers: Sequence[Resolver] = ()
    search: Sequence[str] = ()


def read_resolv_conf(text: str) -> Resolving:
    """What a `resolv.conf` says (resolv.conf(5)); what cannot be understood is left out."""
    resolvers: list[Resolver] = []
    search: Sequence[str] = ()
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                try:
                    ip_address(address.partition("%")[0])
                except ValueError:
                    continue
                resolvers.append(Resolver(address))
            case ["search" | "domain", *domains]:
                search = tuple(one.removesuffix(".") for one in domains)
    return Resolving(tuple(resolvers), search)


class Forwarder:
    """Passes queries on.

    Args:
        resolvers: asked in this order.
    """

    def __init__(self, resolvers: Sequence[Resolver]) -> None:
        self._resolvers = resolvers
        self._waiting = 0

    async def ask(self, query: dns.message.Message, *, udp: bool) -> dns.message.Message:
        """The answer of the first resolver that gives one; SERVFAIL when none does."""
        if self._waiting >= _AT_ONCE:
            return failure(query, dns.rcode.SERVFAIL)
        self._waiting += 1
        try:
            for resolver in self._resolvers:
                found = await _ask(resolver, query, udp=udp)
                if found is not None:
                    found.id = query.id
                    return found
        finally:
            self._waiting -= 1
        return failure(query, dns.rcode.SERVFAIL)


async def _ask(
    resolver: Resolver, query: dns.message.Message, *, udp: bool
) -> dns.message.Message | None:
    """One attempt, by an id and a port that nobody can guess."""
    asked = copy.copy(query)
    asked.id = dns.entropy.random_16()
    where, port = resolver.address, resolver.port
    try:
        if udp:
            return await dns.asyncquery.udp(asked, where, _TIMEOUT_S, port, ignore_errors=True)
        return await dns.asyncquery.tcp(asked, where, _TIMEOUT_S, port)
    except (dns.exception.DNSException, OSError, EOFError):
        return None
