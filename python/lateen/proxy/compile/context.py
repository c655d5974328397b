"""What compile functions are given besides the message: all of their inputs, declared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from google.protobuf.message import DecodeError, Message

from lateen.config.diagnostics import Diagnostic
from lateen.config.typed import TypedConfigError, unpack_typed
from lateen.protos import UnknownTypeError
from lateen.proxy.compile.stats_blocks import StatsBlocks
from lateen.proxy.script_plan import LoadScript, ScriptPlan, load_nothing

if TYPE_CHECKING:
    from envoy.config.core.v3.address_pb2 import BindConfig
    from envoy.config.core.v3.base_pb2 import Node
    from envoy.config.trace.v3.http_tracer_pb2 import Tracing
    from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
    from google.protobuf.any_pb2 import Any as PackedAny

    from lateen.protos import TypeRegistry
    from lateen.protos.worker_pb2 import Dns
    from lateen.proxy.compile.extensions import Extensions
    from lateen.proxy.compile.overload_plan import OverloadPlan
    from lateen.proxy.compile.stats_sink_plans import SinkPlan
    from lateen.proxy.compile.transport_sockets.plan import TlsPlan
    from lateen.proxy.compile.values import JsonValue

_NODE = "envoy.config.core.v3.Node"


@dataclass
class CompileContext:
    """The inputs of every compile function, and where it reports what is wrong.

    Attributes:
        types: Envoy's messages, to unpack an Any.
        extensions: the extensions that are implemented.
        read_file: returns the content of a file that a configuration names; raises OSError.
        blocks: allots the blocks of stats.
        diagnostics: what was reported.
        environment: what `environment_variable` data sources read.
        serialized_node: who this proxy is: a core.v3.Node.
        node_id: --service-node or node.id.
        service_cluster: --service-cluster or node.cluster.
        node: the fields of the node.
        zone: node.locality.zone.
        version: of this proxy.
        tracing_provider: the tracer of connection managers that name none.
        clusters: the clusters that a route may name; None when that is not checked.
        runtime: the runtime snapshot.
        disk_layers: the values of runtime layers on disk, by the name of the layer.
        default_resolver: what resolves the names of clusters that do not say.
        stats_sinks: where stats are sent to.
        overload: what the overload manager does; None: there is none.
        max_connections: how many connections all listeners may have together; 0 for no limit.
        internal_buffer_bytes: the buffers of connections to internal listeners; None: no such
            listener may be.
        default_bind: where the connections of clusters that do not say come from.
        outlier_event_log: path of the file for ejected hosts; empty: none.
        excused: paths at which something not implemented is left out, and why that is right.
        on_demand: paths of what lets requests ask for clusters.
        elsewhere: paths at which everything is read by another part than the workers.
        file_mode: the permissions of a file that a configuration names; None: unknown.
        secrets: the static secrets, by name.
        tls: the TLS contexts that what was compiled needs.
        load_script: loads a Python filter.
        added_filters: Python filters that every connection manager has before its own.
        dns_caches: the settings of DNS caches, by the number of their block of stats.
    """

    types: TypeRegistry
    extensions: Extensions
    read_file: Callable[[str], bytes]
    blocks: StatsBlocks = field(default_factory=StatsBlocks)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)
    serialized_node: bytes = b""
    node_id: str = ""
    service_cluster: str = ""
    node: Mapping[str, JsonValue] = field(default_factory=dict)
    zone: str = ""
    version: str = ""
    tracing_provider: Tracing.Http | None = None
    clusters: Collection[str] | None = None
    runtime: Mapping[str, str] = field(default_factory=dict)
    disk_layers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    default_resolver: Dns | None = None
    default_bind: BindConfig | None = None
    outlier_event_log: str = ""
    stats_sinks: Sequence[SinkPlan] = ()
    overload: OverloadPlan | None = None
    max_connections: int = 0
    internal_buffer_bytes: int | None = None
    excused: dict[str, str] = field(default_factory=dict)
    on_demand: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    file_mode: Callable[[str], int | None] = lambda _: None
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    tls: list[TlsPlan] = field(default_factory=list)
    load_script: LoadScript = load_nothing
    added_filters: Sequence[ScriptPlan] = ()
    dns_caches: dict[int, bytes] = field(default_factory=dict)

    def error(self, at: str, message: str, hint: str = "") -> None:
        """Report what makes a resource unusable; compiling goes on, to find the rest."""
        self.diagnostics.append(Diagnostic("error", at, message, hint))

    def warning(self, at: str, message: str, hint: str = "") -> None:
        """Report what is accepted but hardly meant, or has no effect."""
        self.diagnostics.append(Diagnostic("warning", at, message, hint))

    def unimplemented(self, at: str, what: str, supported: str) -> None:
        """Report a value that Envoy has and this proxy does not.

        Fields and message types need no report: see lateen.config.support.
        """
        self.error(at, f"{what} is not implemented", f"implemented here: {supported}")

    def excuse(self, at: str, why: str) -> None:
        """Let what is not implemented at or below `at` be left out, with a warning."""
        self.excused[at] = why

    def without_cluster_check(self) -> CompileContext:
        """The same, for what may name clusters that do not exist."""
        return replace(self, clusters=None)

    def check_cluster(self, name: str, at: str, reason: str) -> None:
        """Report `reason` when there is no cluster `name`, if that is to be checked."""
        if self.clusters is not None and name not in self.clusters:
            self.error(at, reason)

    def parsed_node(self) -> Node:
        """Who this proxy is."""
        return cast("Node", self.types.message_class(_NODE).FromString(self.serialized_node))

    def apart(self) -> CompileContext:
        """The same with reports of its own."""
        return replace(self, diagnostics=[], excused={}, elsewhere=set(), tls=[])

    def unpack(self, packed: PackedAny) -> Message | None:
        """The message in an Any, or that a TypedStruct in it stands for.

        None when its type is unknown or its content is not of that type.

        That is reported where the fields that are set are checked (lateen.config.support).
        """
        try:
            return unpack_typed(packed, self.types)
        except (UnknownTypeError, DecodeError, TypedConfigError):
            return None
