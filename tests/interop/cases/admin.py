"""The admin listener: every endpoint's status, headers and body."""

from __future__ import annotations

from tests.interop.model import Admin, Case, Step, Wait
from tests.support.client import get
from tests.support.upstream import Script, reply

NODE = "node: {id: node-1, cluster: cl-1, locality: {region: r, zone: z}, metadata: {a: b}}"
TRAFFIC: tuple[Step | bytes, ...] = (get("/x"), get("/none"), get("/down"))
ROUTES = """
- {match: {prefix: /x}, route: {cluster: $be}}
- {match: {prefix: /down}, route: {cluster: $down}}
"""
CLUSTERS = """
- {name: $be, hosts: [$up]}
- {name: $down, connect_timeout: 0.25s, hosts: [$dead]}
"""


def asked(name: str, *steps: Step | bytes, bootstrap: str = NODE, hcm: str = "") -> Case:
    """Admin requests to a proxy of its own, with nothing in the access log that matters."""
    return Case(
        name, steps, routes=ROUTES, clusters=CLUSTERS, bootstrap=bootstrap, isolated=True, stats="",
        hcm=hcm or "access_log: []",
    )  # fmt: skip


def stats(name: str, query: str, keep: str = "", *before: Step | bytes) -> Case:
    """A stats page after some traffic; `keep` selects lines."""
    return asked(name, *(before or TRAFFIC), Wait(0.3), Admin(f"/stats{query}", keep=keep))


STEADY = "upstream_rq|downstream_rq_[0-9]|membership"

CASES = (
    asked("admin_ready", Admin("/ready"), Admin("/ready", "HEAD"), Admin("/ready", "POST")),
    asked("admin_unknown_path", Admin("/nope", keep="^invalid"), Admin("/stats/nope", keep="^inv")),
    asked(
        "admin_wrong_method",
        *(
            Admin(path)
            for path in (
                "/quitquitquit",
                "/healthcheck/fail",
                "/healthcheck/ok",
                "/reset_counters",
                "/drain_listeners",
                "/logging",
                "/runtime_modify?a=b",
                "/reopen_logs",
            )
        ),
    ),
    asked("admin_help", Admin("/help", keep=r"^admin commands|^  /(ready|stats|clusters|logging)")),
    asked("admin_home", Admin("/", body=False)),
    asked("admin_listeners", Admin("/listeners"), Admin("/listeners?format=json")),
    asked("admin_clusters_text", *TRAFFIC, Admin("/clusters?filter=be")),
    asked("admin_clusters_json", *TRAFFIC, Admin("/clusters?format=json")),
    asked(
        "admin_server_info",
        Admin(
            "/server_info",
            keep=r'"(state|id|cluster|region|zone|a|concurrency|mode|drain_time|'
            r'parent_shutdown_time|hot_restart_version|log_level|restart_epoch|service_node)":',
        ),
    ),
    asked("admin_certs", Admin("/certs")),
    asked("admin_memory", Admin("/memory", digits=True)),
    asked("admin_contention", Admin("/contention")),
    asked("admin_init_dump", Admin("/init_dump"), Admin("/init_dump?mask=listener")),
    asked("admin_hot_restart_version", Admin("/hot_restart_version")),
    asked("admin_config_dump_clusters", Admin("/config_dump?resource=static_clusters")),
    asked("admin_config_dump_listeners", Admin("/config_dump?resource=static_listeners")),
    asked("admin_config_dump_routes", Admin("/config_dump?resource=static_route_configs")),
    asked("admin_config_dump_order", Admin("/config_dump", keep=r'"@type".*v3\..*Dump"')),
    asked(
        "admin_config_dump_mask",
        Admin("/config_dump?resource=static_clusters&mask=cluster.name"),
        Admin("/config_dump?mask=bootstrap.node.id"),
    ),
    asked(
        "admin_config_dump_name_regex",
        Admin("/config_dump?resource=static_clusters&name_regex=.*down"),
    ),
    asked(
        "admin_config_dump_errors",
        Admin("/config_dump?resource=nope"),
        Admin("/config_dump?name_regex=("),
        Admin("/config_dump?resource=static_clusters&mask=zz", keep="paths|could"),
    ),
    asked(
        "admin_config_dump_dynamic_empty", Admin("/config_dump?resource=dynamic_active_clusters")
    ),
    asked(
        "admin_healthcheck_fail",
        Admin("/healthcheck/fail", "POST"),
        Admin("/ready"),
        get("/x"),
        Admin("/healthcheck/ok", "POST"),
        Admin("/ready"),
        get("/x"),
    ),
    asked(
        "admin_reset_counters",
        *TRAFFIC,
        Admin("/reset_counters", "POST"),
        Admin("/stats?usedonly&filter=downstream_rq_[0-9]"),
    ),
    asked(
        "admin_logging",
        Admin("/logging", "POST", keep="^active|  (admin|http|config|upstream):"),
        Admin("/logging?level=warning", "POST", keep="  (admin|http|config|upstream):"),
        Admin("/logging?http=debug", "POST", keep="  (admin|http|config|upstream):"),
        Admin(
            "/logging?paths=http:info,config:error", "POST", keep="  (admin|http|config|upstream):"
        ),
    ),
    asked(
        "admin_logging_errors",
        Admin("/logging?level=loud", "POST", keep="^(error|usage|levels)"),
        Admin("/logging?nobody=info", "POST", keep="^(error|usage|levels)"),
    ),
    asked("admin_runtime_empty", Admin("/runtime"), Admin("/runtime_modify?a=b", "POST")),
    asked(
        "admin_runtime_layers",
        Admin("/runtime", sort_json=True),
        Admin("/runtime_modify?some.key=5", "POST"),
        Admin("/runtime", sort_json=True),
        Admin("/runtime_modify?some.key=", "POST"),
        Admin("/runtime", sort_json=True),
        Admin("/runtime_modify", "POST"),
        bootstrap="layered_runtime: {layers: [{name: s, static_layer: {a: {b: 1}, c: yes,"
        " d: text}}, {name: admin, admin_layer: {}}]}",
    ),
    asked("admin_reopen_logs", Admin("/reopen_logs", "POST")),
    asked(
        "admin_drain_listeners",
        get("/x"),
        Admin("/drain_listeners", "POST"),
        Wait(0.3),
        Admin("/listeners"),
        Admin("/ready"),
    ),
    asked(
        "admin_drain_inbound_only",
        Admin("/drain_listeners?inboundonly", "POST"),
        Wait(0.2),
        get("/x"),
        Admin("/listeners"),
    ),
    stats("admin_stats_text", "?filter=^(cluster|http)\\.k", STEADY),
    stats("admin_stats_usedonly", "?usedonly&filter=^(cluster|http)\\.k", STEADY),
    stats(
        "admin_stats_all_names", "?filter=^(cluster|http|listener\\.1)&type=All", "^(?!.*\\.admin)"
    ),
    stats("admin_stats_counters", "?type=Counters&filter=^cluster", STEADY),
    stats("admin_stats_gauges", "?type=Gauges&filter=^cluster", STEADY),
    stats("admin_stats_text_readouts", "?type=TextReadouts"),
    stats("admin_stats_json", "?format=json&usedonly&type=Counters&filter=membership|rq_[0-9x]+$"),
    stats(
        "admin_stats_errors",
        "?format=zzz",
        "",
        Admin("/stats?type=zzz"),
        Admin("/stats?filter=("),
        Admin("/stats?histogram_buckets=zzz"),
    ),
    stats(
        "admin_stats_prometheus",
        "/prometheus?usedonly&filter=(upstream_rq|downstream_rq|membership)",
        "^(?!.*(_time|_bucket|admin))",
    ),
    stats("admin_stats_format_prometheus", "?format=prometheus&usedonly&filter=upstream_rq_200"),
    stats(
        "admin_stats_server",
        "?filter=^(server|cluster_manager|listener_manager)\\.",
        r"(cluster_added|active_clusters|warming|listener_(added|create)|total_listeners|"
        r"workers_started|server\.(live|state|concurrency|total_connections))",
    ),
    asked(
        "admin_stats_histogram_names",
        *TRAFFIC,
        Admin("/stats?type=Histograms&filter=k000", body=False),
    ),
    asked(
        "admin_stats_tags",
        get("/x"),
        Admin("/stats/prometheus?usedonly&filter=upstream_rq_200"),
        bootstrap="stats_config: {stats_tags: [{tag_name: my.tag, regex: '^cluster\\.((k000)_)'}]}",
    ),
    asked(
        "admin_stats_matcher",
        get("/x"),
        Admin("/stats?usedonly&filter=^cluster\\.k", keep=STEADY),
        bootstrap="stats_config: {stats_matcher: {exclusion_list: {patterns: [{suffix: _2xx},"
        " {prefix: http.}]}}}",
    ),
    asked(
        "admin_stats_inclusion",
        get("/x"),
        Admin("/stats?usedonly"),
        bootstrap="stats_config: {stats_matcher: {inclusion_list: {patterns:"
        " [{suffix: upstream_rq_2xx}]}}}",
    ),
    Case(
        "admin_stats_after_upstream_errors",
        (get("/x"), Admin("/stats?usedonly&filter=^cluster", keep="upstream_rq_[0-9]|external")),
        upstreams={"up": Script([reply(503, b"", reason="x")])},
        isolated=True,
        stats="",
    ),
)
