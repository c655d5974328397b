"""What the command line says of a proxy (docs: operations/cli)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lateen.proxy.log.levels import Level
from lateen.proxy.log.pattern import DEFAULT_FORMAT
from lateen.proxy.script_plan import ScriptPlan

# --log-format that asks for JSON.
JSON_FORMAT = "json"


class Resolution(NamedTuple):
    """`--resolve HOST:PORT=ADDRESS:PORT`: an answer that replaces DNS."""

    host: str
    port: int
    address: str
    to_port: int


@dataclass(frozen=True)
class Options:
    """The flags of `lateen proxy`, with Envoy's defaults; names are the flags'."""

    config_path: str = ""
    config_yaml: str = ""
    mode: str = "serve"
    concurrency: int = 0  # 0: as many as cores may be used
    log_level: Level = Level.INFO
    component_log_level: str = ""
    log_format: str = DEFAULT_FORMAT
    log_format_escaped: bool = False
    log_path: str = ""
    service_node: str = ""
    service_cluster: str = ""
    service_zone: str = ""
    base_id: int = 0
    base_id_path: str = ""
    use_dynamic_base_id: bool = False
    restart_epoch: int = 0
    drain_time_s: int = 600
    drain_strategy: str = "gradual"
    parent_shutdown_time_s: int = 900
    file_flush_interval_msec: int = 10000
    file_flush_min_size_kb: int = 0
    admin_address_path: str = ""
    local_address_ip_version: str = "v4"
    disable_hot_restart: bool = False
    enable_mutex_tracing: bool = False
    cpuset_threads: bool = False
    allow_unknown_static_fields: bool = False
    reject_unknown_dynamic_fields: bool = False
    ignore_unknown_dynamic_fields: bool = False
    skip_hot_restart_on_no_parent: bool = False
    skip_hot_restart_parent_stats: bool = False
    skip_deprecated_logs: bool = False
    enable_fine_grain_logging: bool = False
    enable_core_dump: bool = False
    log_stacktrace_single_entry: bool = False
    socket_path: str = "@envoy_domain_socket"
    socket_mode: int = 0
    disable_extensions: tuple[str, ...] = ()
    stats_tag: tuple[str, ...] = ()
    strict: bool = False
    resolve: tuple[Resolution, ...] = ()
    filter: tuple[ScriptPlan, ...] = ()
