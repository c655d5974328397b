"""The admin listener: every endpoint's status, headers and body."""

from __future__ import annotations

from tests.interop.model import Admin, Case, Differs, End, Read, Step, Wait, Write
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


def asked(
    name: str,
    *steps: Step | bytes,
    bootstrap: str = NODE,
    hcm: str = "",
    clusters: str = CLUSTERS,
    differs: Differs | None = None,
) -> Case:
    """Admin requests to a proxy of its own, with nothing in the access log that matters."""
    return Case(
        name, steps, routes=ROUTES, clusters=clusters, bootstrap=bootstrap, isolated=True, stats="",
        hcm=hcm or "access_log: []", differs=differs,
    )  # fmt: skip


def stats(name: str, query: str, keep: str = "", *before: Step | bytes) -> Case:
    """A stats page after some traffic; `keep` selects lines."""
    return asked(name, *(before or TRAFFIC), Wait(0.3), Admin(f"/stats{query}", keep=keep))


STEADY = "upstream_rq|downstream_rq_[0-9]|membership"

UNBUFFERED = r"^(?!.*(_bytes_buffered|high\.cx_pool_open))"
HOSTS = """
- name: $be
  alt_stat_name: $other
  circuit_breakers: {thresholds: [{max_requests: 5, max_retries: 1}, {priority: HIGH}]}
  load_assignment:
    cluster_name: $be
    endpoints:
    - locality: {region: r, zone: z, sub_zone: s}
      lb_endpoints:
      - endpoint: {hostname: h, address: {socket_address: {address: 127.0.0.1, port_value: $up}}}
        load_balancing_weight: 4
        metadata: {filter_metadata: {envoy.lb: {canary: true, weight: 2}}}
      - endpoint: {address: {socket_address: {address: 127.0.0.2, port_value: $up}}}
        health_status: DEGRADED
    - priority: 1
      lb_endpoints:
      - endpoint: {address: {socket_address: {address: 127.0.0.3, port_value: $up}}}
        health_status: DRAINING
      - endpoint: {address: {socket_address: {address: 127.0.0.4, port_value: $up}}}
        health_status: UNHEALTHY
      - endpoint: {address: {socket_address: {address: 127.0.0.5, port_value: $up}}}
        health_status: TIMEOUT
      - endpoint: {address: {pipe: {path: $dir/none}}}
        health_status: HEALTHY
- name: $down
"""
HISTOGRAMS = """
stats_flush_on_admin: true
stats_config:
  histogram_bucket_settings: [{match: {suffix: rq_per_cx}, buckets: [0.5, 1, 2, 100]}]
"""
# Two requests a connection.
ONE_REQUEST = "[{name: $be, hosts: [$up], max_requests_per_connection: 2}, {name: $down}]"

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
    asked(
        "admin_help",
        # Without /csds, which Envoy does not have.
        Admin(
            "/help",
            keep=r"^(admin commands.*|  /(?!csds)[a-z_/]*(?: \(POST\))?: |"
            r"      (?!exclude_resource)\w+:)",
        ),
    ),
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
        differs=Differs(
            "Envoy keeps the connection open after it has said connection: close; Lateen closes it",
            (200, 503, 200, 200, 200, 200),
        ),
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
    asked(
        "admin_runtime_empty",
        Admin("/runtime", sort_json=True),
        Admin("/runtime_modify?a=b", "POST"),
    ),
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
        "admin_stats_all_names",
        "?filter=^(cluster|http|listener\\.1)&type=All",
        r"^(?!.*(\.admin|_bytes_buffered))",
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
    asked(
        "admin_paths",
        *(
            Admin(path)
            for path in ("//ready", "/./ready", "/x/../ready", "/%72eady", "/../ready?a=b")
        ),
        Admin("/ready/", keep="^invalid path"),
        Admin("/READY", keep="^invalid path"),
        Admin("/stats%2Fprometheus", keep="^invalid path"),
    ),
    asked("admin_methods", *(Admin("/ready", method) for method in ("PUT", "DELETE", "PATCH"))),
    asked(
        "admin_forms",
        Admin("/runtime_modify", "POST", form="some.key=6"),
        Admin("/runtime", sort_json=True),
        Admin("/runtime_modify?other.key=7", "POST", form="some.key=8"),
        Admin("/runtime", sort_json=True),
        Admin("/logging", "POST", form="level=error&paths=&group=", keep="  (http|upstream):"),
        bootstrap="layered_runtime: {layers: [{name: admin, admin_layer: {}}]}",
    ),
    asked(
        "admin_logging_empty_values",
        Admin("/logging?level", "POST", keep="^error|  (admin|http):"),
        Admin("/logging?level=", "POST", keep="^error|  (admin|http):"),
        Admin("/logging?paths=", "POST", keep="^error|  (admin|http):"),
        Admin("/logging?level=warn", "POST", keep="^error|  (admin|http):"),
        Admin("/logging?paths=http", "POST", keep="^error|  (admin|http):"),
        Admin("/logging?paths=http:info,nobody:info", "POST", keep="^error|  (admin|http):"),
        Admin("/logging?admin=trace&http=debug", "POST", keep="^error|  (admin|http):"),
        Admin("/logging?group=http:info", "POST", keep="^error|  (admin|http):"),
    ),
    asked(
        "admin_recent_lookups",
        Admin("/stats/recentlookups", keep="^(?!total)"),
        Admin("/stats/recentlookups", "POST", body=False),
        Admin("/stats/recentlookups/disable", "POST"),
        Admin("/stats/recentlookups/clear", "POST"),
        Admin("/stats/recentlookups", keep="^(?!total)"),
    ),
    asked(
        "admin_profilers",
        Admin("/cpuprofiler", "POST"),
        Admin("/cpuprofiler?enable=n", "POST"),
        Admin("/heapprofiler?enable=y", "POST", body=False),
        Admin("/heap_dump", body=False),
        Admin("/memory/tcmalloc", body=False),
        differs=Differs("there is no TCMalloc to ask", (400, 200, 501, 501, 501)),
    ),
    asked(
        "admin_clusters_filter",
        Admin("/clusters?filter=down&format=json"),
        Admin("/clusters?filter=nothing"),
        Admin("/clusters?filter=nothing&format=json"),
        Admin("/clusters?filter=("),
        Admin("/clusters?format=xml&filter=down"),
    ),
    asked("admin_clusters_hosts", Admin("/clusters?filter=be$"), clusters=HOSTS),
    asked("admin_clusters_hosts_json", Admin("/clusters?format=json&filter=be$"), clusters=HOSTS),
    asked(
        "admin_config_dump_endpoints",
        Admin("/config_dump?include_eds&resource=static_endpoint_configs", sort_json=True),
        clusters=HOSTS,
    ),
    asked(
        "admin_config_dump_masks",
        Admin("/config_dump?mask=static_clusters"),
        Admin("/config_dump?resource=static_listeners&mask=listener.name,last_updated"),
        Admin("/config_dump?resource=static_route_configs&mask=route_config.name"),
        Admin("/config_dump?mask=bootstrap.node.id,bootstrap.node.locality"),
        Admin("/config_dump?resource=bootstrap"),
        Admin("/config_dump?resource=static_clusters&name_regex=nothing"),
        Admin("/config_dump?name_regex=down&mask=static_clusters"),
        Admin("/config_dump?name_regex=.*down&mask=static_clusters"),
    ),
    asked(
        "admin_config_dump_runtime",
        Admin("/config_dump?mask=bootstrap.layered_runtime", sort_json=True),
        bootstrap="layered_runtime: {layers: [{name: s, static_layer:"
        " {a: 1, b: 1.5, c: -3, d: 10000000000, e: yes, f: text, g: {h: 0}}}]}",
    ),
    stats("admin_stats_usedonly_all", "?usedonly&type=Counters", "^(?!.*(admin|_bytes_))"),
    stats(
        "admin_stats_usedonly_gauges", "?usedonly&type=Gauges&filter=^(cluster|http)", UNBUFFERED
    ),
    stats(
        "admin_stats_invert",
        "?type=Counters&usedonly&invert_filter&filter=admin|_bytes_|cx_destroy",
    ),
    stats("admin_stats_hidden", "?hidden=only", "", Admin("/stats?hidden=zzz")),
    stats("admin_stats_hidden_include", "?hidden=include&filter=^cluster.*rq_total"),
    stats("admin_stats_json_gauges", "?format=json&type=Gauges&filter=membership"),
    stats("admin_stats_json_none", "?format=json&filter=nothing"),
    stats("admin_stats_filter_escaped", "?filter=rq%5Ftotal&type=Counters", "cluster|http.k"),
    stats("admin_stats_prometheus_none", "/prometheus?filter=nothing"),
    stats(
        "admin_stats_prometheus_errors",
        "/prometheus?histogram_buckets=detailed",
        "",
        Admin("/stats/prometheus?filter=("),
        Admin("/stats/prometheus?histogram_buckets=zzz"),
    ),
    stats("admin_stats_prometheus_gauges", "/prometheus?filter=membership|rq_active|circuit"),
    *(
        asked(
            f"admin_histogram_{name}",
            *(Write(get("/x")), Read(), Write(get("/x")), Read(), End(), Wait(0.2)),
            *(Write(get("/x", headers="Connection: close\r\n")), Read(), End(), Wait(0.2)),
            Admin(f"/stats{query}upstream_rq_per_cx"),
            Admin(f"/stats{query}upstream_rq_per_cx"),
            bootstrap=HISTOGRAMS,
            clusters=ONE_REQUEST,
        )
        for name, query in (
            ("summary", "?filter="),
            ("none", "?histogram_buckets=none&filter="),
            ("cumulative", "?histogram_buckets=cumulative&filter="),
            ("disjoint", "?histogram_buckets=disjoint&filter="),
            ("detailed", "?histogram_buckets=detailed&filter="),
            ("json_summary", "?format=json&filter="),
            ("json_cumulative", "?format=json&histogram_buckets=cumulative&filter="),
            ("json_disjoint", "?format=json&histogram_buckets=disjoint&filter="),
            ("json_detailed", "?format=json&histogram_buckets=detailed&filter="),
            ("prometheus", "/prometheus?filter="),
            ("prometheus_summary", "/prometheus?histogram_buckets=summary&filter="),
        )
    ),
    Case(
        "admin_stats_after_upstream_errors",
        (get("/x"), Admin("/stats?usedonly&filter=^cluster", keep="upstream_rq_[0-9]|external")),
        upstreams={"up": Script([reply(503, b"", reason="x")])},
        isolated=True,
        stats="",
    ),
)
