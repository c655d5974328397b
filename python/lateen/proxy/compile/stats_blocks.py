"""Numbers for the arrays of counters that the workers keep, and the name of each.

A worker counts into an array (a block) that it knows by number alone; what a block's counters are
called is known here. The layout of each kind of block is in proto/worker_stats.proto.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

PROCESS_BLOCK = 1


class BlockKind(Enum):
    """What a block counts; it decides which enum of worker_stats.proto names its entries."""

    PROCESS = "process"
    LISTENER = "listener"
    LISTENER_HTTP = "listener_http"
    HTTP = "http"
    TCP = "tcp"
    CLUSTER = "cluster"
    OUTLIER = "outlier"
    HEALTH_CHECK = "health_check"
    HEALTH_CHECKS = "health_checks"
    VIRTUAL_CLUSTER = "virtual_cluster"
    DOWNSTREAM_SSL = "downstream_ssl"
    UPSTREAM_SSL = "upstream_ssl"
    TLS_INSPECTOR = "tls_inspector"
    HTTP_INSPECTOR = "http_inspector"
    PROXY_PROTOCOL = "proxy_protocol"
    LOCAL_RATE_LIMIT = "local_rate_limit"
    CONNECTION_LIMIT = "connection_limit"
    RBAC = "rbac"
    RBAC_SHADOW = "rbac_shadow"
    FAULT = "fault"
    HEADER_TO_METADATA = "header_to_metadata"
    SET_METADATA = "set_metadata"
    COMPOSITE = "composite"
    CORS = "cors"
    CSRF = "csrf"
    LOAD_SHED = "load_shed"
    EXT_AUTHZ = "ext_authz"
    HTTP_LOCAL_RATE_LIMIT = "http_local_rate_limit"
    HEALTH_CHECK_FILTER = "health_check_filter"
    JWT_AUTHN = "jwt_authn"
    DNS_CACHE = "dns_cache"
    LOG_SERVICE = "log_service"
    METADATA_EXCHANGE = "metadata_exchange"
    ISTIO = "istio"
    PYTHON = "python"
    OPENTELEMETRY = "opentelemetry"
    ZIPKIN = "zipkin"


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its number, what it counts and how its stats are called.

    `prefix` is what Envoy puts before each stat's name, without the dot at the end
    (`cluster.be`, `listener.127.0.0.1_10000`); `tags` are the values in it by Envoy's tag name.
    """

    number: int
    kind: BlockKind
    prefix: str
    tags: tuple[tuple[str, str], ...]


def stats_name(text: str) -> str:
    """`text` as Envoy has it in a stat's name: `:`, `://` and `:/` become `_`."""
    if ":" not in text:
        return text
    return text.replace("://", "_").replace(":/", "_").replace(":", "_")


class StatsBlocks:
    """All blocks of one process.

    The same kind and prefix always get the same number: resources that share a name share their
    stats, as in Envoy, and a resource that is replaced goes on counting where it was. A number is
    never given to another block.
    """

    def __init__(self) -> None:
        self._blocks: dict[int, Block] = {}
        self._numbers: dict[tuple[BlockKind, str], int] = {}
        self._users: dict[int, int] = {}
        self._last = 0
        self._recorded: list[int] | None = None
        self.allot(BlockKind.PROCESS, "")

    def allot(self, kind: BlockKind, prefix: str, tags: Mapping[str, str] | None = None) -> int:
        """The number of the block of `kind` whose stats begin with `prefix`; new ones count on."""
        prefix = stats_name(prefix)
        key = (kind, prefix)
        number = self._numbers.get(key)
        if number is None:
            number = self._last = self._last + 1
            self._numbers[key] = number
            values = tuple((tag, stats_name(value)) for tag, value in (tags or {}).items())
            self._blocks[number] = Block(number, kind, prefix, values)
            self._users[number] = 0
        self._users[number] += 1
        if self._recorded is not None:
            self._recorded.append(number)
        return number

    @contextlib.contextmanager
    def recorded(self) -> Iterator[list[int]]:
        """Collects the numbers that are allotted in the `with` block, to be released one day."""
        numbers: list[int] = []
        before, self._recorded = self._recorded, numbers
        try:
            yield numbers
        finally:
            self._recorded = before

    def release(self, numbers: Iterable[int]) -> list[int]:
        """Gives numbers back, each as often as it was allotted; returns those of which none is
        left, whose stats are gone.
        """
        gone = []
        for number in numbers:
            self._users[number] -= 1
            if not self._users[number]:
                block = self._blocks.pop(number)
                del self._users[number], self._numbers[block.kind, block.prefix]
                gone.append(number)
        return gone

    def get(self, number: int) -> Block | None:
        """The block of a number; None when it is released."""
        return self._blocks.get(number)

    def __getitem__(self, number: int) -> Block:
        return self._blocks[number]

    def __iter__(self) -> Iterator[Block]:
        return iter(self._blocks.values())

    def __len__(self) -> int:
        return len(self._blocks)
