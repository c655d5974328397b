"""Compiles route configurations; what of one did not change since it was compiled last is kept.

A control plane sends a table of a thousand virtual hosts whole when one of them changed. So each
virtual host is compiled by itself, and kept serialized: a table is the bytes of its parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lateen.protos.worker_pb2 import RouteTable
from lateen.proxy.compile.digest import digest
from lateen.proxy.compile.route_table import check_domains, compile_route_table
from lateen.proxy.compile.table_scope import TableScope, scope_of
from lateen.proxy.compile.virtual_host import compile_virtual_host
from lateen.proxy.resources.reading import ResourceError, UndecodableError
from lateen.proxy.resources.virtual_host_shapes import VirtualHostShapes, shape_of

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import VirtualHost
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.stats_blocks import StatsBlocks
    from lateen.proxy.resources.reading import ResourceReader


class CompiledHost(NamedTuple):
    """A virtual host: its domains, a serialized worker_pb2.VirtualHost, its stats blocks."""

    domains: tuple[str, ...]
    data: bytes
    blocks: list[int]


class CompiledTable(NamedTuple):
    """A route table.

    Attributes:
        data: a serialized worker_pb2.RouteTable.
        blocks: its stats blocks that are not its virtual hosts'.
        hosts: its virtual hosts by what they were compiled from; empty: they are not kept.
    """

    data: bytes
    blocks: list[int]
    hosts: dict[bytes, CompiledHost]


class RouteTableCompiler:
    """Compiles the successive versions of one route table."""

    def __init__(self, reader: ResourceReader, blocks: StatsBlocks, table: str) -> None:
        """A compiler for the table that is called `table` in the workers."""
        self._reader = reader
        self._blocks = blocks
        self._table = table
        self._shapes = VirtualHostShapes()

    def compile(
        self, message: RouteConfiguration, before: dict[bytes, CompiledHost]
    ) -> CompiledTable:
        """Compiles a version; takes the virtual hosts out of the message.

        Args:
            message: as it came, not yet checked.
            before: the virtual hosts of the version before.

        Raises:
            UndecodableError: a rule is broken.
            ResourceError: it cannot be used.
        """
        if message.validate_clusters.value:
            # Whether a virtual host is good depends on the clusters that there are now.
            return self._whole(message)
        parts = list(message.virtual_hosts)
        del message.virtual_hosts[:]
        scope = scope_of(message)
        hosts: dict[bytes, CompiledHost] = {}
        ordered = []
        try:
            for index, part in enumerate(parts):
                key = _key(part, scope.key)
                host = before.get(key) or hosts.get(key) or self._host(part, scope, index)
                hosts[key] = host
                ordered.append(host)
            shell, blocks = self._shell(message, ordered)
        except (UndecodableError, ResourceError):
            self._blocks.release(blocks_of(hosts, before))
            raise
        data = [shell.SerializeToString()]
        for host in ordered:
            data += (b"\x12", _varint(len(host.data)), host.data)
        return CompiledTable(b"".join(data), blocks, hosts)

    def check(self, message: RouteConfiguration, before: dict[bytes, CompiledHost]) -> None:
        """Checks the rules of the API; what was compiled before is good.

        Raises:
            UndecodableError: a rule is broken.
        """
        if message.validate_clusters.value:
            self._reader.check(message)
            return
        salt = scope_of(message).key
        parts = list(message.virtual_hosts)
        del message.virtual_hosts[:]
        for index, part in enumerate(parts):
            if _key(part, salt) not in before:
                self._reader.check(part, ((None, "virtual_hosts"), index))
        self._reader.check(message)

    def _whole(self, message: RouteConfiguration) -> CompiledTable:
        found = self._reader.check(message)
        table, blocks = self._reader.compile(
            message,
            found,
            lambda ctx: compile_route_table(ctx, message, self._table, "", validate_clusters=False),
        )
        return CompiledTable(table.SerializeToString(), blocks, {})

    def _host(self, part: VirtualHost, scope: TableScope, index: int) -> CompiledHost:
        shape = shape_of(part, scope.key)
        known = self._shapes.find(part, shape)
        if known is not None:
            return CompiledHost(tuple(known.domains), known.SerializeToString(), [])
        at = f"virtual_hosts[{index}]"
        found = self._reader.check(part, ((None, "virtual_hosts"), index))
        host, blocks = self._reader.compile(
            part,
            found,
            lambda ctx: compile_virtual_host(ctx.without_cluster_check(), part, scope, at),
            at,
        )
        if not blocks:
            self._shapes.keep(shape, host)
        return CompiledHost(tuple(host.domains), host.SerializeToString(), blocks)

    def _shell(
        self, message: RouteConfiguration, hosts: Sequence[CompiledHost]
    ) -> tuple[RouteTable, list[int]]:
        """The table without its virtual hosts."""
        found = self._reader.check(message)

        def compile_(ctx: CompileContext) -> RouteTable:
            table = compile_route_table(ctx, message, self._table, "", validate_clusters=False)
            check_domains(ctx, (host.domains for host in hosts), message.name, "")
            return table

        return self._reader.compile(message, found, compile_)


def blocks_of(hosts: dict[bytes, CompiledHost], kept: dict[bytes, CompiledHost]) -> list[int]:
    """The stats blocks of the hosts that are not among those that are kept."""
    gone = (host for key, host in hosts.items() if key not in kept)
    return [number for host in gone for number in host.blocks]


def with_hosts(table: bytes, hosts: Mapping[str, bytes]) -> bytes:
    """A serialized RouteConfiguration with more serialized virtual hosts, in the order of names."""
    parts = [table]
    for _, body in sorted(hosts.items()):
        parts += (b"\x12", _varint(len(body)), body)
    return b"".join(parts)


def update_of(table: bytes) -> bytes:
    """A serialized Update with one serialized RouteTable in it."""
    return b"".join((b"\x22", _varint(len(table)), table))


def _key(host: VirtualHost, salt: bytes) -> bytes:
    """What a virtual host is known by."""
    return digest(host.SerializeToString(deterministic=True), salt, size=16)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
