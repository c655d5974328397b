"""What a subscription to xDS resources is, for those who want resources and those who bring them.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from envoy.config.core.v3.config_source_pb2 import ConfigSource


@dataclass(frozen=True)
class Resource:
    """One resource as a server sent it.

    Attributes:
        name: of the resource; "" where a state-of-the-world answer has it only in the message.
        version: of this resource (delta), or of the whole answer (state of the world).
        type_url: of `body`.
        body: the serialized message; None for a heartbeat, which renews a TTL and nothing else.
        aliases: other names that it was asked for by.
    """

    name: str
    version: str
    type_url: str
    body: bytes | None
    aliases: Sequence[str] = ()


@dataclass(frozen=True)
class Update:
    """What a server sent for one subscription.

    Attributes:
        resources: new and changed ones; with `full`, all that there are.
        removed: names of resources that are gone (delta, or TTL passed).
        version: of the answer: version_info, or system_version_info.
        full: whether what is not in `resources` is gone (state of the world for wildcard types).
    """

    resources: Sequence[Resource]
    removed: Sequence[str]
    version: str
    full: bool


@dataclass(frozen=True)
class BadResource:
    """A resource that could not be taken, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What became of an Update; `bad` resources, or a `summary`, make it a NACK.

    Attributes:
        bad: resources that were not taken; the others were.
        summary: the whole text of the NACK, as Envoy words it for the type; "" joins `bad`.
    """

    bad: Sequence[BadResource] = ()
    summary: str = ""

    @property
    def accepted(self) -> bool:
        """Whether everything was taken."""
        return not self.bad and not self.summary


class FetchFailure(Enum):
    """Why a subscription has nothing new."""

    CONNECTION = "connection"
    TIMEOUT = "initial fetch timeout"
    REJECTED = "rejected before its resources were looked at"


class Subscriber(Protocol):
    """Takes what comes for a subscription; its methods run in the main thread's event loop."""

    def take(self, update: Update) -> Outcome:
        """Takes an update. It may subscribe to more; those requests go out before the ACK."""

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """Hears that nothing came."""


@runtime_checkable
class Checker(Protocol):
    """A subscriber to some resources among others, which is asked before any of them is taken."""

    def check(self, resource: Resource) -> str:
        """Why no resource may be so, "" if it may: of such an answer nobody is given anything."""


class Subscription(Protocol):
    """A running subscription."""

    def set_names(self, names: Collection[str] | None) -> None:
        """Changes which resources are wanted; None wants all (a wildcard)."""

    def close(self) -> None:
        """Ends it. Idempotent."""


class Subscriptions(Protocol):
    """Brings resources from wherever a ConfigSource says: ADS, a gRPC stream, REST, a file."""

    def subscribe(
        self,
        source: ConfigSource,
        type_url: str,
        names: Collection[str] | None,
        subscriber: Subscriber,
        stats_prefix: str,
    ) -> Subscription:
        """Starts a subscription.

        Args:
            source: where from; its initial_fetch_timeout bounds the wait for the first answer.
            type_url: `type.googleapis.com/envoy.config.cluster.v3.Cluster`, ...
            names: of the resources; None for all (a wildcard).
            subscriber: takes them.
            stats_prefix: before `update_success` and so on: `cluster_manager.cds`,
                `cluster.NAME`, `http.PREFIX.rds.NAME`.
        """

    def paused(self, type_url: str) -> AbstractContextManager[None]:
        """Holds requests and ACKs of a type back while several subscriptions to it change."""
