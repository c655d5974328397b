"""What client and server say to each other, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SotwRequest:
    """A DiscoveryRequest.

    Attributes:
        type_url: of the resources.
        version: the last that was accepted; "" before one was.
        names: wanted; () for all.
        nonce: of the answer that this request acknowledges; "" for none.
        error: why that answer was rejected; None: it was accepted.
    """

    type_url: str
    version: str = ""
    names: Sequence[str] = ()
    nonce: str = ""
    error: str | None = None


@dataclass(frozen=True)
class DeltaRequest:
    """A DeltaDiscoveryRequest.

    Attributes:
        type_url: of the resources.
        subscribe: names that are wanted from now on, `*` for all; () in the first request: all.
        unsubscribe: names that are not wanted any more.
        initial_versions: what the client has when a stream begins, by name.
        nonce: of the answer that this request acknowledges; "" for none.
        error: why that answer was rejected; None: it was accepted.
    """

    type_url: str
    subscribe: Sequence[str] = ()
    unsubscribe: Sequence[str] = ()
    initial_versions: Mapping[str, str] = field(default_factory=dict)
    nonce: str = ""
    error: str | None = None


Request = SotwRequest | DeltaRequest


@dataclass(frozen=True)
class Received:
    """A resource in an answer.

    Attributes:
        name: of the resource.
        type_url: of `body`; "" without one.
        body: the serialized message; None for a heartbeat, or an alias that nothing has.
        version: of the resource; "" in state of the world.
        aliases: other names that the resource was asked for by.
        ttl_s: seconds until it is to be dropped; None: it stays.
    """

    name: str
    type_url: str
    body: bytes | None
    version: str = ""
    aliases: Sequence[str] = ()
    ttl_s: float | None = None


@dataclass(frozen=True)
class Response:
    """A DiscoveryResponse or a DeltaDiscoveryResponse.

    Attributes:
        type_url: of the resources.
        version: version_info, or system_version_info.
        nonce: to acknowledge it with.
        resources: all that the server has (state of the world), or what changed (delta).
        removed: names of resources that are gone (delta).
        control_plane: the server's identifier; None: it does not say.
    """

    type_url: str
    version: str
    nonce: str
    resources: Sequence[Received] = ()
    removed: Sequence[str] = ()
    control_plane: str | None = None


class ResponseRejectedError(Exception):
    """An answer that no subscriber should see; the message is the text of the NACK."""
