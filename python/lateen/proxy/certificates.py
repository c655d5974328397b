"""Which certificates the proxy uses now: for `/certs` and the gauges of their expiration.

Source: Envoy docs, "/certs"; the names of the gauges as Envoy 1.40 prints them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from lateen.proxy.stats.model import Scope, gauge, loose_scope

if TYPE_CHECKING:
    from lateen.protos.worker_pb2 import TlsContext
    from lateen.proxy.compile.stats_blocks import StatsBlocks

# The SHA-256 of the name that such a certificate does not have begins so.
_UNNAMED = "e3b0c442"

# Serial number, start and end of validity in seconds since 1970, alternative names.
Facts = tuple[str, int, int, list[tuple[str, str]]]


class ContextInUse(NamedTuple):
    """A TLS context, without keys, and the stats block of who uses it."""

    block: int
    context: TlsContext


class Shown(NamedTuple):
    """A certificate with where it is from."""

    path: str
    facts: Facts


def in_use(block: int, context: TlsContext) -> ContextInUse:
    """A copy of a context that holds no key."""
    kept = type(context)()
    kept.CopyFrom(context)
    for certificate in kept.certificates:
        certificate.ClearField("key")
    kept.server.ClearField("session_ticket_keys")
    return ContextInUse(block, kept)


def authority(context: TlsContext) -> Shown | None:
    """The first certificate that a context trusts."""
    validation = context.validation
    if not validation.trusted_ca:
        return None
    return _shown(validation.ca_source, validation.trusted_ca[0])


def leaves(context: TlsContext) -> list[Shown]:
    """The certificates that a context shows."""
    shown = [_shown(each.source, each.chain[0]) for each in context.certificates if each.chain]
    return [each for each in shown if each is not None]


def _shown(path: str, der: bytes) -> Shown | None:
    facts = _facts(der)
    return None if facts is None else Shown(path, facts)


@functools.lru_cache(maxsize=256)
def _facts(der: bytes) -> Facts | None:
    from lateen.proxy.workers import certificate_facts

    return certificate_facts(der)


def expiration_scopes(
    contexts: Callable[[], Iterable[ContextInUse]], blocks: StatsBlocks
) -> Iterator[Scope]:
    """`ssl.certificate.NAME.expiration_unix_time_seconds` of every listener and cluster."""
    for each in contexts():
        block = blocks.get(each.block)
        if block is None:
            continue
        found = {}
        trusted = authority(each.context)
        if trusted is not None:
            found[f"unnamed_ca_cert_{_UNNAMED}"] = trusted.facts[2]
        for shown in leaves(each.context):
            found.setdefault(f"unnamed_cert_{_UNNAMED}", shown.facts[2])
        stats = [
            gauge(f"ssl.certificate.{name}.expiration_unix_time_seconds", end)
            for name, end in found.items()
        ]
        yield loose_scope(f"{block.prefix}.", stats)
