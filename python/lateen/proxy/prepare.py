"""From the command line to what the workers and the admin listener run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lateen.config import Diagnostic, LoadOptions, LoadResult, load_bootstrap
from lateen.proxy.admin.settings import AdminSettings, compile_admin
from lateen.proxy.certificates import ContextInUse, in_use
from lateen.proxy.compile import Compiled, compile_bootstrap
from lateen.proxy.compile.bootstrap import ListenerNeeds, is_dynamic
from lateen.proxy.config_source import ConfigSource
from lateen.proxy.config_summary import ConfigSummary, summarize
from lateen.proxy.runtime import RuntimeLayer
from lateen.proxy.script_plan import ScriptError, ScriptPlan
from lateen.proxy.scripts.loaded import LoadedScripts
from lateen.proxy.stats.config import StatsConfig
from lateen.proxy.stats.from_bootstrap import compile_stats_config

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.overload_plan import OverloadPlan
    from lateen.proxy.compile.stats_blocks import StatsBlocks
    from lateen.proxy.compile.stats_sink_plans import SinkPlan
    from lateen.proxy.options import Options
    from lateen.proxy.workers import Rejection


@dataclass(frozen=True)
class DynamicNeeds:
    """What is needed to take resources over xDS.

    Attributes:
        context: compiles them.
        listeners: what the static listeners subscribe to.
    """

    context: CompileContext
    listeners: ListenerNeeds


@dataclass(frozen=True)
class Prepared:
    """A configuration without errors, ready to run; it holds no message of Envoy's any more.

    Attributes:
        update: an Update for the workers, serialized.
        blocks: what the stats blocks in it are called.
        summary: names and counts.
        config: for /config_dump.
        admin: the admin listener.
        stats: how stats are tagged and kept.
        runtime: the layers.
        log_format: `text:FORMAT`, or `json` if the bootstrap asks for it; "": it does not say.
        server_version: overrides the stat server.version; 0: it does not.
        dynamic: what is needed to take resources over xDS; None when all is static.
        tls: the TLS contexts whose secrets are static.
        reports_load: whether load is reported.
        pins_workers: whether each worker is to have a core of its own.
        overload: what the overload manager does; None: there is none.
        stats_sinks: where stats are sent to.
        scripts: the filters in Python.
    """

    update: bytes
    blocks: StatsBlocks
    summary: ConfigSummary
    config: ConfigSource
    admin: AdminSettings
    stats: StatsConfig
    runtime: Sequence[RuntimeLayer]
    log_format: str
    server_version: int
    dynamic: DynamicNeeds | None = None
    tls: Sequence[ContextInUse] = ()
    reports_load: bool = False
    pins_workers: bool = False
    overload: OverloadPlan | None = None
    stats_sinks: Sequence[SinkPlan] = ()
    scripts: LoadedScripts = field(default_factory=LoadedScripts)


@dataclass
class Preparation:
    """What came of reading a configuration.

    Attributes:
        prepared: None when there are errors.
        diagnostics: with positions, in the order of the text.
        loaded: to find positions of what the workers reject.
        owners: the path of each resource by kind and name.
    """

    prepared: Prepared | None
    diagnostics: Sequence[Diagnostic]
    loaded: LoadResult
    owners: dict[tuple[str, str], str] = field(default_factory=dict)

    def of_rejections(self, rejections: Sequence[Rejection]) -> list[Diagnostic]:
        """What the workers rejected, at the resource in the file that it came from."""
        return self.loaded.position(
            Diagnostic(
                "error",
                self.owners.get((rejection.kind, rejection.name), ""),
                _rejection_text(rejection),
            )
            for rejection in rejections
        )


def prepare(options: Options) -> Preparation:
    """Reads and compiles the configuration that the options name; all problems in one pass."""
    loaded = load_bootstrap(
        options.config_path or None,
        options.config_yaml or None,
        LoadOptions(options.allow_unknown_static_fields, options.strict),
    )
    if loaded.bootstrap is None:
        return Preparation(None, loaded.diagnostics, loaded)
    from lateen.proxy.version import version_text

    bootstrap = loaded.bootstrap
    given_node = bootstrap.node.SerializeToString()
    _identify(bootstrap, options)
    on_disk, unwatched = _disk_layers(bootstrap)
    scripts = LoadedScripts()
    added, missing = _added_filters(scripts, options)
    compiled = compile_bootstrap(
        bootstrap,
        read_file=_read_file,
        file_mode=_file_mode,
        environment=os.environ,
        node_id=options.service_node,
        service_cluster=options.service_cluster,
        version=version_text(),
        disk_layers={
            name: {key: value.strip() for key, value in layer.values.items()}
            for name, layer in on_disk.items()
        },
        load_script=scripts.load,
        added_filters=added,
    )
    already = len(compiled.context.diagnostics)
    prepared = _prepare(bootstrap, compiled, options, on_disk, given_node)
    if prepared is not None:
        prepared = replace(prepared, scripts=scripts)
    found = [*unwatched, *compiled.diagnostics, *compiled.context.diagnostics[already:]]
    diagnostics = [*missing, *loaded.diagnostics, *loaded.position(found)]
    failed = any(each.severity == "error" for each in diagnostics)
    owners = _owners(bootstrap, compiled)
    return Preparation(None if failed else prepared, diagnostics, loaded, owners)


def _prepare(
    bootstrap: Bootstrap,
    compiled: Compiled,
    options: Options,
    on_disk: Mapping[str, RuntimeLayer],
    given_node: bytes,
) -> Prepared:
    ctx = compiled.context
    now = datetime.now(UTC)
    return Prepared(
        update=compiled.update.SerializeToString(),
        blocks=compiled.blocks,
        summary=summarize(compiled.update),
        config=ConfigSource(
            bootstrap.SerializeToString(),
            now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z",
            given_node,
        ),
        admin=compile_admin(ctx, bootstrap.admin),
        stats=compile_stats_config(ctx, bootstrap, options.stats_tag),
        runtime=_runtime(ctx, bootstrap, on_disk),
        log_format=_log_format(bootstrap),
        server_version=bootstrap.stats_server_version_override.value,
        dynamic=DynamicNeeds(ctx, compiled.needs)
        if is_dynamic(bootstrap, compiled.needs)
        else None,
        tls=[in_use(each.block, each.context) for each in compiled.context.tls if not each.secrets],
        reports_load=bootstrap.cluster_manager.HasField("load_stats_config"),
        pins_workers=bootstrap.enable_worker_cpu_affinity,
        overload=ctx.overload,
        stats_sinks=ctx.stats_sinks,
    )


def _identify(bootstrap: Bootstrap, options: Options) -> None:
    """Puts the flags, and what this proxy is, into the node."""
    from lateen.proxy.compile.extensions import describe, known_extensions
    from lateen.proxy.version import ENVOY_VERSION, package_version

    node = bootstrap.node
    node.id = options.service_node or node.id
    node.cluster = options.service_cluster or node.cluster
    if options.service_zone:
        node.locality.zone = options.service_zone
    node.user_agent_name = "envoy"
    build = node.user_agent_build_version
    build.version.major_number, build.version.minor_number, build.version.patch = ENVOY_VERSION
    build.metadata.fields["revision.status"].string_value = "Clean"
    build.metadata.fields["build.type"].string_value = "RELEASE"
    build.metadata.fields["lateen.version"].string_value = package_version()
    del node.extensions[:]
    describe(known_extensions(), node)


def _added_filters(
    scripts: LoadedScripts, options: Options
) -> tuple[list[ScriptPlan], list[Diagnostic]]:
    """The filters of the command line that can be loaded, and why others cannot."""
    good, problems = [], []
    for plan in options.filter:
        try:
            scripts.load(plan)
        except ScriptError as error:
            path = f"--filter {plan.where}:{plan.name}"
            problems.append(Diagnostic("error", path, str(error)))
        else:
            good.append(plan)
    return good, problems


def _read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _file_mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except OSError:
        return None


def _disk_layers(bootstrap: Bootstrap) -> tuple[dict[str, RuntimeLayer], list[Diagnostic]]:
    """Runtime layers on disk by name, read, and what is wrong with where they are."""
    layers: dict[str, RuntimeLayer] = {}
    wrong: list[Diagnostic] = []
    for index, layer in enumerate(bootstrap.layered_runtime.layers):
        if not layer.HasField("disk_layer"):
            continue
        # Imported here: a configuration without such layers does without.
        from lateen.proxy.disk_layer import DiskLayer, DiskLayerError

        try:
            disk = DiskLayer.of(layer, bootstrap.node.cluster)
        except DiskLayerError as error:
            at = f"layered_runtime.layers[{index}].disk_layer.symlink_root"
            wrong.append(Diagnostic("error", at, str(error)))
            continue
        layers[layer.name] = RuntimeLayer(layer.name, disk=disk)
        layers[layer.name].load()
    return layers, wrong


def _runtime(
    ctx: CompileContext, bootstrap: Bootstrap, on_disk: Mapping[str, RuntimeLayer]
) -> list[RuntimeLayer]:
    from lateen.proxy.compile.runtime import flatten

    return [
        on_disk.get(layer.name)
        or RuntimeLayer(
            layer.name,
            flatten(ctx, layer.static_layer, "layered_runtime")
            if layer.HasField("static_layer")
            else {},
            layer.HasField("admin_layer"),
        )
        for layer in bootstrap.layered_runtime.layers
    ]


def _log_format(bootstrap: Bootstrap) -> str:
    source = bootstrap.application_log_config.log_format
    kind = source.WhichOneof("log_format")
    if kind == "text_format":
        return f"text:{source.text_format}"
    return "json" if kind == "json_format" else ""


def _owners(bootstrap: Bootstrap, compiled: Compiled) -> dict[tuple[str, str], str]:
    """Where each resource of the update is in the configuration."""
    owners = {("tls_context", plan.name): plan.at for plan in compiled.needs.tls}
    for index, cluster in enumerate(bootstrap.static_resources.clusters):
        path = f"static_resources.clusters[{index}]"
        owners["cluster", cluster.name] = path
        owners["endpoints", cluster.name] = f"{path}.load_assignment"
    for index, listener in enumerate(compiled.update.listeners):
        path = f"static_resources.listeners[{index}]"
        owners["listener", listener.name] = path
        for chain in [*listener.filter_chains, listener.default_filter_chain]:
            for each in chain.filters:
                table = each.http_connection_manager.route_table
                owners.setdefault(("route_table", table), path)
    return owners


def _rejection_text(rejection: Rejection) -> str:
    if rejection.kind == "tls_context":
        return rejection.reason
    where = f"{rejection.path}: " if rejection.path else ""
    return f"{rejection.kind} '{rejection.name}': {where}{rejection.reason}"
