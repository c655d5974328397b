"""Listener filters, and which of them the chains of a listener need.

Source: pilot/pkg/networking/core/listener_inbound.go populateListenerFilters, listener.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.control.translate import api

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import FilterChain, ListenerFilter
    from google.protobuf.message import Message

PLAIN_HTTP = ("http/1.0", "http/1.1", "h2c")
"""The application protocols of HTTP without TLS, which the first bytes tell."""

_TOLD_BY_BYTES = frozenset(("http/1.1", "h2c"))


def listener_filter(name: str, config: Message) -> ListenerFilter:
    """A listener filter by the last part of its name."""
    return api.ListenerFilter(
        name=f"envoy.filters.listener.{name}", typed_config=api.packed(config)
    )


def inspectors(chains: Iterable[FilterChain]) -> list[ListenerFilter]:
    """What the first bytes are looked at for, so that one of the chains can be chosen."""
    tls = http = False
    for chain in chains:
        match = chain.filter_chain_match
        tls = tls or bool(match.server_names) or match.transport_protocol == "tls"
        http = http or not _TOLD_BY_BYTES.isdisjoint(match.application_protocols)
    found = [listener_filter("tls_inspector", api.TlsInspector())] if tls else []
    return [*found, *([listener_filter("http_inspector", api.HttpInspector())] if http else [])]
