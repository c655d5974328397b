"""Outbound listeners, as they grow from the ports of several services.

Source: pilot/pkg/networking/core/listener.go (buildSidecarOutboundListener,
buildListenerFromEntry, mergeTCPFilterChains).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lateen.control.model.protocol import Protocol
from lateen.control.translate import api
from lateen.control.translate.listeners.inspectors import PLAIN_HTTP, inspectors
from lateen.control.translate.values import address, duration

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import (
        Filter,
        FilterChain,
        FilterChainMatch,
    )
    from envoy.config.listener.v3.listener_pb2 import Listener

_DETECTION_S = 0.0
# Their servers speak first: to look at first bytes would hold them up.
_ALONE = (Protocol.MONGO, Protocol.MYSQL)


@dataclass
class Entry:
    """A listener in the making.

    Attributes:
        bind: its address, or a socket's path (`unix://`).
        port: its port; 0: of a socket.
        binds: whether it takes connections itself; else they are handed to it.
        protocol: of the first port that it was made for.
        chains: in the order in which they came.
        carries_http: one of the chains reads requests.
    """

    bind: str
    port: int
    binds: bool
    protocol: Protocol
    chains: list[FilterChain] = field(default_factory=list)
    carries_http: bool = False

    @property
    def name(self) -> str:
        """Its name."""
        return f"{self.bind}_{self.port}"

    def goes_with(self, protocol: Protocol) -> bool:
        """Whether a port of a protocol may share the listener."""
        if protocol is self.protocol:
            return True
        return protocol not in _ALONE and self.protocol not in _ALONE

    def add_http(self, manager: Filter, *, told: bool) -> None:
        """Take in what reads requests; one for all services.

        Args:
            told: everything is HTTP; else the first bytes tell what is.
        """
        self.carries_http = True
        chain = api.FilterChain(filters=[manager])
        if not told:
            chain.filter_chain_match.transport_protocol = "raw_buffer"
            chain.filter_chain_match.application_protocols.extend(PLAIN_HTTP)
        self.chains.insert(0, chain)

    def add_tcp(self, chains: Iterable[FilterChain]) -> None:
        """Take in chains; of two that match alike the first counts."""
        taken = [_key(one.filter_chain_match) for one in self.chains]
        for chain in chains:
            if _key(chain.filter_chain_match) not in taken:
                taken.append(_key(chain.filter_chain_match))
                self.chains.append(chain)

    def listener(self, unknown: Sequence[Filter]) -> Listener:
        """The listener.

        Args:
            unknown: filters of connections that no chain matches.
        """
        made = api.Listener(
            name=self.name,
            address=address(self.bind, self.port),
            traffic_direction="OUTBOUND",
            continue_on_listener_filters_timeout=True,
            listener_filters=inspectors(self.chains),
        )
        if not self.binds:
            made.bind_to_port.value = False
        made.listener_filters_timeout.CopyFrom(duration(_DETECTION_S))
        for chain in self.chains:
            if chain.filter_chain_match == api.FilterChainMatch():
                made.default_filter_chain.CopyFrom(chain)
                made.default_filter_chain.ClearField("filter_chain_match")
            else:
                made.filter_chains.append(chain)
        if not made.filter_chains:
            made.filter_chains.append(made.default_filter_chain)
            made.ClearField("default_filter_chain")
        elif not made.HasField("default_filter_chain"):
            rest = api.FilterChain(name="PassthroughFilterChain", filters=unknown)
            made.default_filter_chain.CopyFrom(rest)
        return made


def _key(match: FilterChainMatch) -> bytes:
    return match.SerializeToString(deterministic=True)
