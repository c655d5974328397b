"""The way of a call through the sidecar of its caller, and through that of who is called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lateen.control.simulate.call import Call
from lateen.control.simulate.chains import chain_of, listener_of
from lateen.control.simulate.configuration import Configuration
from lateen.control.simulate.filters import Filters, Onward
from lateen.control.simulate.steps import Path, Step

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_pb2 import Listener

_HTTP_INSPECTOR = "envoy.filters.listener.http_inspector"
_TLS_INSPECTOR = "envoy.filters.listener.tls_inspector"


def outbound(
    configuration: Configuration, call: Call, identity: str = "", share: float = 0.0
) -> tuple[Path, Onward | None]:
    """What a sidecar does with what its application sends.

    Args:
        configuration: of the sidecar.
        identity: of the sidecar, which it shows to peers.
        share: from 0 up to 1, where among weights the call is.
    """
    return _through(configuration, "virtualOutbound", call, identity, share)


def inbound(configuration: Configuration, call: Call) -> tuple[Path, Onward | None]:
    """What a sidecar does with what others send to its application."""
    return _through(configuration, "virtualInbound", call, "", 0.0)


def _through(
    configuration: Configuration, entry: str, call: Call, identity: str, share: float
) -> tuple[Path, Onward | None]:
    path = Path()
    captured = configuration.listener(entry)
    if captured is None:
        path.refuse(f"the proxy has no listener {entry}")
        return path, None
    listener = listener_of(configuration.listeners, captured, call, path)
    return path, at_listener(configuration, listener, call, identity, path, share)


def at_listener(
    configuration: Configuration,
    listener: Listener,
    call: Call,
    identity: str,
    path: Path,
    share: float = 0.0,
) -> Onward | None:
    """What becomes of a connection that a listener has taken; None: it ends here."""
    seen = inspected(listener, call)
    chain = chain_of(listener, seen, path)
    if chain is None:
        return None
    if call.tls is not None:
        ends = chain.HasField("transport_socket")
        path.add(Step("tls", "ends here" if ends else "passed on as it is"))
        if not ends:
            # What is in it nobody here can read.
            seen = replace(seen, request=None, claims=None)
    return Filters(configuration, identity, path, share).of_chain(chain, seen)


def inspected(listener: Listener, call: Call) -> Call:
    """The call as the filters of the listener can tell it: who does not look does not know."""
    names = {one.name for one in listener.listener_filters}
    seen = replace(call, sniffed=_HTTP_INSPECTOR in names)
    if call.tls is not None and _TLS_INSPECTOR not in names:
        return replace(seen, tls=None, request=None)
    return seen
