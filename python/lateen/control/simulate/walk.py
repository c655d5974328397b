"""The way of a call through the sidecar of its caller, and through that of who is called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lateen.control.simulate.call import Call
from lateen.control.simulate.chains import bound_at, chain_of, listener_of
from lateen.control.simulate.configuration import Configuration
from lateen.control.simulate.filters import Filters, Onward
from lateen.control.simulate.steps import Path, Step

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_pb2 import Listener

# TrafficDirection of envoy/config/core/v3/base.proto.
_OUTBOUND = 2
_HTTP_INSPECTOR = "envoy.filters.listener.http_inspector"
_TLS_INSPECTOR = "envoy.filters.listener.tls_inspector"


def outbound(
    configuration: Configuration, call: Call, identity: str = "", share: float = 0.0
) -> tuple[Path, Onward | None]:
    """What a sidecar does with what its application sends.

    Where nothing is captured, the application calls a listener of the sidecar: the one of the
    address, or for requests the one that is an HTTP proxy.

    Args:
        configuration: of the sidecar.
        identity: of the sidecar, which it shows to peers.
        share: from 0 up to 1, where among weights the call is.
    """
    path = Path()
    listener = _taking(configuration, "virtualOutbound", call, path)
    if listener is None and call.request is not None:
        listener = next(filter(_reads_requests, configuration.listeners), None)
        if listener is not None:
            path.add(Step("listener", listener.name, "the application calls it as its HTTP proxy"))
    return path, _through(listener, call, Filters(configuration, identity, path, share))


def inbound(configuration: Configuration, call: Call) -> tuple[Path, Onward | None]:
    """What a sidecar does with what others send to its application."""
    path = Path()
    listener = _taking(configuration, "virtualInbound", call, path)
    return path, _through(listener, call, Filters(configuration, "", path))


def gateway(
    configuration: Configuration, call: Call, identity: str = "", share: float = 0.0
) -> tuple[Path, Onward | None]:
    """What a gateway does with what comes to it; arguments as those of `outbound`."""
    path = Path()
    listener = bound_at(configuration.listeners, call, path)
    return path, _through(listener, call, Filters(configuration, identity, path, share))


def _taking(configuration: Configuration, entry: str, call: Call, path: Path) -> Listener | None:
    """The listener that takes a call: by way of the one that is captured for, or its own."""
    captured = configuration.listener(entry)
    if captured is not None:
        return listener_of(configuration.listeners, captured, call, path)
    return bound_at(configuration.listeners, call, path)


def _reads_requests(listener: Listener) -> bool:
    filters = (one for chain in listener.filter_chains for one in chain.filters)
    return listener.traffic_direction == _OUTBOUND and any(
        one.typed_config.type_url.endswith(".HttpConnectionManager") for one in filters
    )


def _through(listener: Listener | None, call: Call, filters: Filters) -> Onward | None:
    """What becomes of a connection that a listener takes, if one does; None: it ends here."""
    path = filters.path
    if listener is None:
        path.refuse(f"no listener takes {call.address}:{call.port}")
        return None
    seen = _inspected(listener, call)
    chain = chain_of(listener, seen, path)
    if chain is None:
        return None
    if call.tls is not None:
        ends = chain.HasField("transport_socket")
        path.add(Step("tls", "ends here" if ends else "passed on as it is"))
        if not ends:
            # What is in it nobody here can read.
            seen = replace(seen, request=None, claims=None)
    return filters.of_chain(chain, seen)


def _inspected(listener: Listener, call: Call) -> Call:
    """The call as the filters of the listener can tell it: who does not look does not know."""
    names = {one.name for one in listener.listener_filters}
    seen = replace(call, sniffed=_HTTP_INSPECTOR in names)
    if call.tls is not None and _TLS_INSPECTOR not in names:
        return replace(seen, tls=None, request=None)
    return seen
