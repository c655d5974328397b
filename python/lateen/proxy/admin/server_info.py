"""/server_info (admin.v3.ServerInfo): every field, also those with their default."""

from __future__ import annotations

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import JSON, AdminRequest, AdminResponse
from lateen.proxy.admin.json_text import JsonValue, document
from lateen.proxy.options import Options
from lateen.proxy.version import version_text

_MODES = {"serve": "Serve", "validate": "Validate", "init_only": "InitOnly"}


def server_info(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """Version, state, flags and node."""
    uptime_s = context.control.uptime_s
    return AdminResponse(
        document(
            {
                "version": version_text(),
                "state": context.control.state.name,
                "uptime_current_epoch": f"{uptime_s}s",
                "uptime_all_epochs": f"{context.restart.age_before_s + uptime_s}s",
                "hot_restart_version": context.restart.version,
                "command_line_options": command_line_options(context.options, context.concurrency),
                "node": _node(context.config.node()),
                "hot_restart_initializing": context.restart.initializing,
            }
        ),
        content_type=JSON,
    )


def _node(node: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The node with the fields that every answer has."""
    full: dict[str, JsonValue] = {"id": "", "cluster": "", **node}
    for name in ("extensions", "client_features", "listening_addresses"):
        full.setdefault(name, [])
    full.setdefault("dynamic_parameters", {})
    locality = full.get("locality")
    if isinstance(locality, dict):
        for name in ("region", "zone", "sub_zone"):
            locality.setdefault(name, "")
    build = full.get("user_agent_build_version")
    if isinstance(build, dict) and isinstance(version := build.get("version"), dict):
        for name in ("major_number", "minor_number", "patch"):
            version.setdefault(name, 0)
    return full


def command_line_options(options: Options, concurrency: int) -> dict[str, JsonValue]:
    """The flags, as admin.v3.CommandLineOptions."""
    disabled: list[JsonValue] = list(options.disable_extensions)
    tags: list[JsonValue] = list(options.stats_tag)
    return {
        "base_id": str(options.base_id),
        "concurrency": concurrency,
        "config_path": options.config_path,
        "config_yaml": options.config_yaml,
        "allow_unknown_static_fields": options.allow_unknown_static_fields,
        "admin_address_path": options.admin_address_path,
        "local_address_ip_version": options.local_address_ip_version,
        "log_level": options.log_level.label,
        "component_log_level": options.component_log_level,
        "log_format": options.log_format,
        "log_path": options.log_path,
        "service_cluster": options.service_cluster,
        "service_node": options.service_node,
        "service_zone": options.service_zone,
        "file_flush_interval": _seconds(options.file_flush_interval_msec),
        "drain_time": f"{options.drain_time_s}s",
        "parent_shutdown_time": f"{options.parent_shutdown_time_s}s",
        "mode": _MODES[options.mode],
        "disable_hot_restart": options.disable_hot_restart,
        "enable_mutex_tracing": options.enable_mutex_tracing,
        "restart_epoch": options.restart_epoch,
        "cpuset_threads": options.cpuset_threads,
        "reject_unknown_dynamic_fields": options.reject_unknown_dynamic_fields,
        "log_format_escaped": options.log_format_escaped,
        "disabled_extensions": disabled,
        "ignore_unknown_dynamic_fields": options.ignore_unknown_dynamic_fields,
        "use_dynamic_base_id": options.use_dynamic_base_id,
        "base_id_path": options.base_id_path,
        "drain_strategy": options.drain_strategy.capitalize(),
        "enable_fine_grain_logging": options.enable_fine_grain_logging,
        "socket_path": options.socket_path,
        "socket_mode": options.socket_mode,
        "enable_core_dump": options.enable_core_dump,
        "stats_tag": tags,
        "skip_hot_restart_on_no_parent": options.skip_hot_restart_on_no_parent,
        "skip_hot_restart_parent_stats": options.skip_hot_restart_parent_stats,
        "skip_deprecated_logs": options.skip_deprecated_logs,
        "file_flush_min_size": options.file_flush_min_size_kb,
        "log_stacktrace_single_entry": options.log_stacktrace_single_entry,
    }


def _seconds(milliseconds: int) -> str:
    """A duration as proto JSON has it: no fraction, or three digits of it."""
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole}.{rest:03d}s" if rest else f"{whole}s"
