"""From the workers' arrays to scopes of named stats."""

from __future__ import annotations

import array
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.stats import filter_layouts, layouts, tagged
from lateen.proxy.stats.model import Layout, Scope, Stat, counter, gauge
from lateen.proxy.stats.tags import Tag, TaggedName

if TYPE_CHECKING:
    from lateen.proxy.compile.stats_blocks import Block

# (worker, stats block, array) as Workers.block_arrays gives them.
BlockArray = tuple[int, int, bytes]
# (stats block, origin, status, count) as Workers.response_codes gives them.
ResponseCode = tuple[int, int, int, int]
# (stats block, name, count) as Workers.named_counters gives them.
NamedCounter = tuple[int, str, int]

_ORIGINS = {0: "external.", 1: "internal.", 2: "canary.", 3: "retry."}
# Of an answer that is counted as internal or external too, or of one that was not passed on.
_APART = (2, 3)
# Of an answer that is counted as internal or external, but under no code among all.
_NOT_AMONG_ALL = 4
_CODE_CLASSES = range(1, 6)
# Listener stats that Envoy also keeps for each worker.
_PER_WORKER = ("downstream_cx_active", "downstream_cx_total")


def collect_scopes(
    blocks: Iterable[Block],
    arrays: Iterable[BlockArray],
    codes: Iterable[ResponseCode],
    concurrency: int,
    named: Iterable[NamedCounter] = (),
) -> Iterator[Scope]:
    """The scopes of all blocks, in no order, summed over the workers.

    The block of the process has the prefix "".

    Args:
        blocks: what each block number stands for.
        arrays: the workers' arrays.
        codes: the workers' counts by response code.
        concurrency: the number of workers; arrays of numbers from there on are no worker's own.
        named: the workers' counters that are in no array. A count of 0 stands for a counter that
            was set to 0 after it had been written.
    """
    by_block: dict[int, list[tuple[int, Sequence[int]]]] = defaultdict(list)
    for worker, number, data in arrays:
        by_block[number].append((worker, _signed(data)))
    codes_of: dict[int, list[ResponseCode]] = defaultdict(list)
    for code in codes:
        codes_of[code[0]].append(code)
    named_of: dict[int, dict[str, int]] = defaultdict(dict)
    for number, name, count in named:
        named_of[number][name] = named_of[number].get(name, 0) + count
    for block in blocks:
        parts = by_block.get(block.number, [])
        total = _sum([values for _, values in parts])
        scope = _scope(block, total, parts, codes_of.get(block.number, ()), concurrency)
        if block.number in named_of:
            names = named_of[block.number]
            scope.extra = [*scope.extra, *(_named(scope, name, n) for name, n in names.items())]
        yield scope


def _named(scope: Scope, name: str, count: int) -> Stat:
    if not tagged.has_tags(name):
        return counter(name, count)
    whole, parts = tagged.read(scope.prefix + name)
    return counter(whole.removeprefix(scope.prefix), count)._replace(tagged=parts)


def _signed(data: bytes) -> Sequence[int]:
    values = array.array("q", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _sum(parts: list[Sequence[int]]) -> Sequence[int]:
    if not parts:
        return ()
    if len(parts) == 1:
        return parts[0]
    return array.array("q", map(sum, zip(*parts, strict=True)))


def _scope(
    block: Block,
    values: Sequence[int],
    parts: list[tuple[int, Sequence[int]]],
    codes: Iterable[ResponseCode],
    concurrency: int,
) -> Scope:
    prefix = f"{block.prefix}." if block.prefix else ""
    layout = _LAYOUTS[block.kind]()
    if block.kind in (BlockKind.CLUSTER, BlockKind.VIRTUAL_CLUSTER):
        return Scope(prefix, layout, values, _by_code(codes, block.kind, values))
    if block.kind is BlockKind.ISTIO:
        return Scope(prefix, layout, (), [_istio_build(prefix, block)])
    if block.kind is BlockKind.LISTENER:
        return Scope(prefix, layout, values, _per_worker(layout, parts, concurrency))
    return Scope(prefix, layout, values)


def _istio_build(prefix: str, block: Block) -> Stat:
    """`istio_build`, which says of which version of Istio the proxy is told to be."""
    tags = (Tag("component", "proxy"), *(Tag(*tag) for tag in block.tags))
    name = f"{prefix}istio_build"
    whole = tagged.whole(name, tags).removeprefix(prefix)
    return gauge(whole, 1)._replace(tagged=TaggedName(name, tags))


def _by_code(codes: Iterable[ResponseCode], kind: BlockKind, values: Sequence[int]) -> list[Stat]:
    """`upstream_rq_503`, `upstream_rq_5xx`, `upstream_rq_completed`, of all and by origin.

    A count of 0 stands for a counter that was set to 0 after it had been written.
    """
    counts: dict[str, int] = defaultdict(int)
    shown = {"upstream_rq_completed"}
    if kind is BlockKind.CLUSTER:
        counts["upstream_rq_completed"] = 0
    for _, origin, status, count in codes:
        known = status // 100 in _CODE_CLASSES
        codes_of = (str(status), f"{status // 100}xx") if known else ("unknown",)
        if origin == _NOT_AMONG_ALL:
            for code in codes_of:
                counts[f"upstream_rq_{code}"] -= count
            continue
        fronts = ("", _ORIGINS[origin]) if kind is BlockKind.CLUSTER else ("",)
        if origin in _APART:
            fronts = (_ORIGINS[origin],)
        for front in fronts:
            for code in (*codes_of, "completed"):
                name = f"{front}upstream_rq_{code}"
                counts[name] += count
                if count == 0:
                    shown.add(name)
    return [counter(name, n) for name, n in counts.items() if n or name in shown]


def _per_worker(
    layout: Layout, parts: list[tuple[int, Sequence[int]]], concurrency: int
) -> list[Stat]:
    places = [layout.names.index(name) for name in _PER_WORKER]
    by_worker: Mapping[int, Sequence[int]] = dict(parts)
    found = []
    for worker in range(concurrency):
        values = by_worker.get(worker, ())
        for place in places:
            index = layout.indexes[place]
            value = values[index] if index < len(values) else 0
            name = f"worker_{worker}.{layout.names[place]}"
            found.append(Stat(name, layout.kinds[place], value, bool(any(values))))
    return found


_LAYOUTS: Mapping[BlockKind, Callable[[], Layout]] = {
    BlockKind.PROCESS: layouts.process_layout,
    BlockKind.LISTENER: layouts.listener_layout,
    BlockKind.LISTENER_HTTP: layouts.listener_http_layout,
    BlockKind.HTTP: layouts.http_layout,
    BlockKind.TCP: layouts.tcp_layout,
    BlockKind.DOWNSTREAM_SSL: layouts.downstream_ssl_layout,
    BlockKind.UPSTREAM_SSL: layouts.upstream_ssl_layout,
    BlockKind.CLUSTER: layouts.cluster_layout,
    BlockKind.OUTLIER: layouts.outlier_layout,
    BlockKind.HEALTH_CHECK: layouts.health_check_layout,
    BlockKind.HEALTH_CHECKS: layouts.health_checks_layout,
    BlockKind.VIRTUAL_CLUSTER: layouts.virtual_cluster_layout,
    BlockKind.TLS_INSPECTOR: filter_layouts.tls_inspector_layout,
    BlockKind.HTTP_INSPECTOR: filter_layouts.http_inspector_layout,
    BlockKind.PROXY_PROTOCOL: filter_layouts.proxy_protocol_layout,
    BlockKind.LOCAL_RATE_LIMIT: filter_layouts.local_rate_limit_layout,
    BlockKind.CONNECTION_LIMIT: filter_layouts.connection_limit_layout,
    BlockKind.RBAC: filter_layouts.rbac_layout,
    BlockKind.RBAC_SHADOW: filter_layouts.rbac_shadow_layout,
    BlockKind.FAULT: filter_layouts.fault_layout,
    BlockKind.HEADER_TO_METADATA: filter_layouts.header_to_metadata_layout,
    BlockKind.SET_METADATA: filter_layouts.set_metadata_layout,
    BlockKind.COMPOSITE: filter_layouts.composite_layout,
    BlockKind.CORS: filter_layouts.cors_layout,
    BlockKind.CSRF: filter_layouts.csrf_layout,
    BlockKind.LOAD_SHED: filter_layouts.load_shed_layout,
    BlockKind.EXT_AUTHZ: filter_layouts.ext_authz_layout,
    BlockKind.HTTP_LOCAL_RATE_LIMIT: filter_layouts.http_local_rate_limit_layout,
    BlockKind.HEALTH_CHECK_FILTER: filter_layouts.health_check_filter_layout,
    BlockKind.JWT_AUTHN: filter_layouts.jwt_authn_layout,
    BlockKind.DNS_CACHE: filter_layouts.dns_cache_layout,
    BlockKind.LOG_SERVICE: filter_layouts.log_service_layout,
    BlockKind.METADATA_EXCHANGE: filter_layouts.metadata_exchange_layout,
    BlockKind.ISTIO: filter_layouts.istio_layout,
    BlockKind.PYTHON: filter_layouts.python_layout,
    BlockKind.OPENTELEMETRY: filter_layouts.opentelemetry_layout,
    BlockKind.ZIPKIN: filter_layouts.zipkin_layout,
}
