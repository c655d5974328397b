"""Which listener takes a connection, and which of its filter chains.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto
(FilterChainMatch); source/common/listener_manager of Envoy for the listener of an original
destination.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from lateen.control.simulate.call import Call
from lateen.control.simulate.steps import Lost, Path, Step
from lateen.control.simulate.texts import in_range, written_range

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import FilterChain, FilterChainMatch
    from envoy.config.listener.v3.listener_pb2 import Listener

_UNSPECIFIED = ("0.0.0.0", "::")
#: How well a chain's match meets a call; 0: it says nothing; None: it does not meet it.
Rank = Callable[["FilterChainMatch", Call], "int | None"]


def _port(match: FilterChainMatch, call: Call) -> int | None:
    if not match.HasField("destination_port"):
        return 0
    return 1 if match.destination_port.value == call.port else None


def _address(match: FilterChainMatch, call: Call) -> int | None:
    if not match.prefix_ranges:
        return 0
    here = [one for one in match.prefix_ranges if in_range(one, call.address)]
    return max((1 + one.prefix_len.value for one in here), default=None)


def _server_name(match: FilterChainMatch, call: Call) -> int | None:
    if not match.server_names:
        return 0
    name = call.tls.sni.lower() if call.tls is not None else ""
    ranks = [_rank_of_name(pattern.lower(), name) for pattern in match.server_names]
    return max((rank for rank in ranks if rank is not None), default=None)


def _rank_of_name(pattern: str, name: str) -> int | None:
    if pattern == name:
        return 1 << 16
    if pattern.startswith("*.") and name.endswith(pattern[1:]):
        return len(pattern)
    return None


def _transport(match: FilterChainMatch, call: Call) -> int | None:
    if not match.transport_protocol:
        return 0
    return 1 if match.transport_protocol == call.transport else None


def _protocol(match: FilterChainMatch, call: Call) -> int | None:
    if not match.application_protocols:
        return 0
    return 1 if set(match.application_protocols) & set(call.protocols) else None


def _source(match: FilterChainMatch, call: Call) -> int | None:
    if not match.source_prefix_ranges:
        return 0
    here = [one for one in match.source_prefix_ranges if in_range(one, call.source)]
    return max((1 + one.prefix_len.value for one in here), default=None)


def _written(match: FilterChainMatch, criterion: str) -> str:
    written = {
        "destination port": [str(match.destination_port.value)],
        "destination": [written_range(one) for one in match.prefix_ranges],
        "SNI": list(match.server_names),
        "transport": [match.transport_protocol],
        "ALPN": list(match.application_protocols),
        "source": [written_range(one) for one in match.source_prefix_ranges],
    }
    return f"{criterion} {' or '.join(written[criterion])}"


# In the order in which Envoy looks: what is chosen by one is never taken back by a later one.
_CRITERIA: tuple[tuple[str, Rank], ...] = (
    ("destination port", _port),
    ("destination", _address),
    ("SNI", _server_name),
    ("transport", _transport),
    ("ALPN", _protocol),
    ("source", _source),
)


def chain_of(listener: Listener, call: Call, path: Path) -> FilterChain | None:
    """The filter chain that takes the connection; None: it is closed."""
    left = list(listener.filter_chains)
    lost: list[Lost] = []
    decided: list[str] = []
    for criterion, rank in _CRITERIA:
        left, losers, best = _best(left, criterion, rank, call)
        lost += losers
        if best and left:
            decided.append(_written(left[0].filter_chain_match, criterion))
    if left:
        chain = left[0]
        lost += [Lost(name_of(one), "an earlier one matches alike") for one in left[1:]]
        why = ", ".join(decided) or "it takes every connection"
        path.add(Step("filter chain", name_of(chain), why, lost))
        return chain
    if listener.HasField("default_filter_chain"):
        chain = listener.default_filter_chain
        path.add(Step("filter chain", name_of(chain), "the default: no other matches", lost))
        return chain
    path.add(Step("filter chain", "", "none matches", lost))
    path.refuse("no filter chain matches: the connection is closed")
    return None


def _best(
    chains: Sequence[FilterChain], criterion: str, rank: Rank, call: Call
) -> tuple[list[FilterChain], list[Lost], int]:
    """The chains that meet a criterion best, the others, and how well it is met."""
    ranks = [(chain, rank(chain.filter_chain_match, call)) for chain in chains]
    best = max((found for _, found in ranks if found is not None), default=0)
    lost = []
    for chain, found in ranks:
        if found is None:
            why = f"it is for {_written(chain.filter_chain_match, criterion)}"
            lost.append(Lost(name_of(chain), why))
        elif found < best:
            lost.append(Lost(name_of(chain), f"another names the {criterion}"))
    return [chain for chain, found in ranks if found == best], lost, best


def name_of(chain: FilterChain) -> str:
    """A chain's name, or what it matches."""
    if chain.name:
        return chain.name
    match = chain.filter_chain_match
    said = [
        _written(match, criterion) for criterion, rank in _CRITERIA if rank(match, Call("", 0)) != 0
    ]
    return f"({', '.join(said)})" if said else "(every connection)"


def listener_of(listeners: Iterable[Listener], entry: Listener, call: Call, path: Path) -> Listener:
    """The listener that a captured connection is handed to.

    Args:
        entry: that it was captured for.
    """
    if not entry.use_original_dst.value:
        path.add(Step("listener", entry.name, "captured traffic comes here"))
        return entry
    others = [one for one in listeners if one is not entry]
    found = bound_at(others, call, path)
    if found is None:
        why = f"no listener is for {call.address}:{call.port}"
        path.add(Step("listener", entry.name, why))
    return found or entry


def bound_at(listeners: Iterable[Listener], call: Call, path: Path) -> Listener | None:
    """The listener of the address that is called, or of its port at any address."""
    by_address = {_bound(one): one for one in listeners}
    exact = by_address.get((call.address, call.port))
    anywhere = [by_address.get((one, call.port)) for one in _UNSPECIFIED]
    found = exact or next((one for one in anywhere if one is not None), None)
    if found is not None:
        why = (
            "its address is called"
            if exact is found
            else f"it takes port {call.port} of any address"
        )
        path.add(Step("listener", found.name, why))
    return found


def _bound(listener: Listener) -> tuple[str, int]:
    socket = listener.address.socket_address
    return socket.address, socket.port_value
