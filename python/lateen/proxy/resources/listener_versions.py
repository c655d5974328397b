"""One version of a listener that came over xDS."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lateen.proxy.compile.address import address_text

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_pb2 import Listener

    from lateen.proxy.compile.listener import CompiledListener
    from lateen.xds.subscription import Resource

_CHAINS = ("filter_chains", "default_filter_chain")


class ListenerVersion(NamedTuple):
    """A listener as it came, and compiled.

    Attributes:
        name: of the listener.
        resource: as it came.
        frame: the message without its filter chains, serialized: of two versions with the same
            frame the newer one replaces filter chains alone.
        compiled: for the workers.
        blocks: the stats blocks, to be released with it.
        updated: when it came.
    """

    name: str
    resource: Resource
    frame: bytes
    compiled: CompiledListener
    blocks: list[int]
    updated: str

    @property
    def addresses(self) -> frozenset[str]:
        """Where it listens."""
        return frozenset(address_text(each) for each in self.compiled.listener.addresses)

    @property
    def tables(self) -> frozenset[str]:
        """The names of the route tables inside it."""
        return frozenset(table.name for table in self.compiled.route_tables)


def frame_of(message: Listener) -> bytes:
    """A listener without its filter chains, serialized; takes them out of the message."""
    for name in _CHAINS:
        message.ClearField(name)
    return message.SerializeToString(deterministic=True)
