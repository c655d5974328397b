"""Compiling a bootstrap or a single resource from outside this package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.config.diagnostics import Diagnostic
from lateen.protos import envoy_types
from lateen.proxy.compile.bootstrap import ListenerNeeds, compile_bootstrap_resources
from lateen.proxy.compile.context import CompileContext
from lateen.proxy.compile.extensions import known_extensions
from lateen.proxy.compile.supported import support_table
from lateen.proxy.compile.values import struct_to_python
from lateen.proxy.script_plan import LoadScript, ScriptPlan, load_nothing

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
    from envoy.config.core.v3.base_pb2 import Node
    from google.protobuf.message import Message

    from lateen.config.support import SupportTable
    from lateen.protos.worker_pb2 import Update
    from lateen.proxy.compile.stats_blocks import StatsBlocks
    from lateen.proxy.compile.values import JsonValue


@dataclass(frozen=True)
class Compiled:
    """What came of a bootstrap.

    Attributes:
        update: everything for the workers; not to be applied when a diagnostic is an error.
        diagnostics: what is wrong, in no particular order.
        blocks: the stats blocks that the update refers to.
        context: to compile further resources with the same stats blocks, runtime and clusters.
        needs: what listeners subscribe to.
    """

    update: Update
    diagnostics: list[Diagnostic]
    blocks: StatsBlocks
    context: CompileContext
    needs: ListenerNeeds


def compile_bootstrap(
    bootstrap: Bootstrap,
    *,
    read_file: Callable[[str], bytes],
    environment: Mapping[str, str] | None = None,
    node_id: str = "",
    service_cluster: str = "",
    version: str = "",
    disk_layers: Mapping[str, Mapping[str, str]] | None = None,
    table: SupportTable | None = None,
    file_mode: Callable[[str], int | None] = lambda _: None,
    load_script: LoadScript = load_nothing,
    added_filters: Sequence[ScriptPlan] = (),
) -> Compiled:
    """Compile a validated bootstrap.

    Args:
        bootstrap: a message of lateen.protos.
        read_file: returns the content of a file that the configuration names; raises OSError.
        environment: the variables that data sources may name.
        node_id: --service-node; node.id counts when it is empty.
        service_cluster: --service-cluster; node.cluster counts when it is empty.
        version: of this proxy.
        disk_layers: the values of runtime layers on disk, by the name of the layer.
        table: what is implemented; `support_table()` when not given.
        file_mode: returns the permissions of such a file; None: unknown.
        load_script: loads a Python filter.
        added_filters: Python filters that every connection manager has before its own.
    """
    node_id = node_id or bootstrap.node.id
    service_cluster = service_cluster or bootstrap.node.cluster
    ctx = CompileContext(
        types=envoy_types(),
        extensions=known_extensions(),
        read_file=read_file,
        environment=environment or {},
        serialized_node=bootstrap.node.SerializeToString(),
        node_id=node_id or bootstrap.node.id,
        service_cluster=service_cluster or bootstrap.node.cluster,
        node=_node(bootstrap.node, node_id, service_cluster),
        zone=bootstrap.node.locality.zone,
        version=version,
        disk_layers=disk_layers or {},
        file_mode=file_mode,
        load_script=load_script,
        added_filters=added_filters,
    )
    update, needs = compile_bootstrap_resources(ctx, bootstrap)
    diagnostics = unsupported(ctx, table or support_table(), bootstrap, "")
    return Compiled(update, ctx.diagnostics + diagnostics, ctx.blocks, ctx, needs)


def _node(node: Node, node_id: str, service_cluster: str) -> dict[str, JsonValue]:
    """What others are told of the node."""
    locality = node.locality
    return {
        "id": node_id,
        "cluster": service_cluster,
        "metadata": struct_to_python(node.metadata),
        "locality": {
            "region": locality.region,
            "zone": locality.zone,
            "sub_zone": locality.sub_zone,
        },
    }


def unsupported(
    ctx: CompileContext, table: SupportTable, message: Message, at: str
) -> list[Diagnostic]:
    """What `message` sets and is not implemented; what compiling excused is a warning."""
    return [
        _excuse(ctx, found)
        for found in table.check(message, at)
        if not any(_is_in(found.path, path) for path in ctx.elsewhere)
    ]


def _is_in(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _excuse(ctx: CompileContext, found: Diagnostic) -> Diagnostic:
    if found.severity == "warning":
        return found
    for path, why in ctx.excused.items():
        if _is_in(found.path, path):
            return Diagnostic("warning", found.path, found.message, why)
    return found
