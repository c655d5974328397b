"""Configurations whose verdict by `--mode validate` is compared: good, odd and bad ones."""

from __future__ import annotations

from dataclasses import dataclass

HCM = (
    '"@type": type.googleapis.com/envoy.extensions.filters.network'
    ".http_connection_manager.v3.HttpConnectionManager"
)
ROUTER_TYPE = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
ROUTER = f'[{{name: envoy.filters.http.router, typed_config: {{"@type": {ROUTER_TYPE}}}}}]'
ROUTES = "[{name: vh, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: be}}]}]"
HOST = "{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}"


@dataclass(frozen=True)
class Verdict:
    """One configuration, and flags; `differs` says why Lateen's verdict is another one."""

    name: str
    text: str
    differs: str = ""
    arguments: tuple[str, ...] = ()


def manager(fields: str = "", hosts: str = ROUTES, filters: str = ROUTER) -> str:
    """A listener's filter chain with a connection manager."""
    return f"""
- filters:
  - name: envoy.filters.network.http_connection_manager
    typed_config:
      {HCM}
      stat_prefix: in
      route_config: {{name: local, virtual_hosts: {hosts}}}
      http_filters: {filters}
      {fields}
"""


def listener(chains: str = "", name: str = "name: main", more: str = "") -> str:
    """A listener; `chains` are filter chains in block style."""
    body = (chains or manager()).replace("\n", "\n    ")
    return f"""
  - {name}
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    {more}
    filter_chains:{body}
"""


def cluster(fields: str = "type: STATIC", name: str = "be", hosts: str = f"[{HOST}]") -> str:
    """A cluster of one host."""
    return f"""
  - name: {name}
    {fields}
    load_assignment: {{cluster_name: {name}, endpoints: [{{lb_endpoints: {hosts}}}]}}
"""


def whole(listeners: str = "", clusters: str = "", more: str = "") -> str:
    """A bootstrap."""
    return (
        f"static_resources:\n  listeners:{listeners or listener()}"
        f"  clusters:{clusters or cluster()}{more}"
    )


def with_manager(name: str, fields: str = "", **parts: str) -> Verdict:
    """A variation of the connection manager."""
    return Verdict(name, whole(listener(manager(fields, **parts))))


def with_route(name: str, route: str) -> Verdict:
    """A variation of one route."""
    return with_manager(name, hosts=f"[{{name: vh, domains: ['*'], routes: [{route}]}}]")


def with_cluster(name: str, fields: str, hosts: str = f"[{HOST}]") -> Verdict:
    """A variation of one cluster."""
    return Verdict(name, whole(clusters=cluster(fields, hosts=hosts)))


def aggregate(members: str) -> str:
    """The type of an aggregate cluster."""
    kind = "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig"
    typed = f"{{'@type': {kind}, clusters: {members}}}"
    return f"cluster_type: {{name: envoy.clusters.aggregate, typed_config: {typed}}}"


def with_log(name: str, log_format: str) -> Verdict:
    """A variation of the access log's format."""
    kind = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"
    source = f'{{text_format_source: {{inline_string: "{log_format}"}}}}'
    line = f'{{"@type": {kind}, log_format: {source}}}'
    return with_manager(name, f"access_log: [{{name: l, typed_config: {line}}}]")


def with_collection(name: str, locator: str, source: str) -> Verdict:
    """A collection of clusters on demand."""
    kind = "type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand"
    odcds = f"{{resources_locator: '{locator}', source: {source}}}"
    filter_ = f"{{name: on_demand, typed_config: {{'@type': {kind}, odcds: {odcds}}}}}"
    return with_manager(name, filters=f"[{filter_}, {ROUTER[1:]}")


def api_source(kind: str) -> str:
    """A stream to the cluster."""
    services = "[{envoy_grpc: {cluster_name: be}}]"
    api = f"{{api_type: {kind}, transport_api_version: V3, grpc_services: {services}}}"
    return f"{{resource_api_version: V3, api_config_source: {api}}}"


def with_clusters_of(name: str, locator: str, source: str = "", differs: str = "") -> Verdict:
    """A collection of clusters by CDS."""
    fields = f"\ndynamic_resources:\n  cds_resources_locator: '{locator}'\n"
    text = whole(more=fields + (f"  cds_config: {source}\n" if source else ""))
    return Verdict(name, text, differs)


CLUSTERS = "xdstp://a/envoy.config.cluster.v3.Cluster/*"
BARE_ROUTER = "[{name: envoy.filters.http.router}]"
TWO_HOSTS = "[{name: a, domains: [x.test], routes: []}, {name: b, domains: [x.test], routes: []}]"
SAME_NAME = "[{name: a, domains: [x.test]}, {name: a, domains: [y.test]}]"

VERDICTS = (
    Verdict("plain", whole()),
    Verdict("empty_file", ""),
    Verdict("empty_mapping", "{}"),
    Verdict("unknown_top_field", whole(more="\nno_such_field: 1\n")),
    Verdict("list_at_top", "[1, 2]"),
    Verdict("field_by_two_names", whole(more="\nnode: {user_agent_name: a, userAgentName: b}\n")),
    Verdict(
        "oneof_by_two_names", whole(more="\nstats_flush_on_admin: true\nstatsFlushOnAdmin: true\n")
    ),
    with_route("oneof_with_null", "{match: {prefix: /, path: null}, route: {cluster: be}}"),
    Verdict(
        "unknown_field_allowed_name_missing",
        whole(clusters="\n  - {nam: be, type: STATIC}\n"),
        arguments=("--allow-unknown-static-fields",),
    ),
    Verdict(
        "unknown_field_allowed",
        whole(more="\nnode: {idd: x}\n"),
        arguments=("--allow-unknown-static-fields",),
    ),
    Verdict(
        "merged_yaml",
        whole(),
        arguments=("--config-yaml", "node: {id: a}"),
    ),
    Verdict("merged_yaml_unknown", whole(), arguments=("--config-yaml", "nod: {id: a}")),
    Verdict(
        "merged_yaml_twice",
        whole(),
        arguments=("--config-yaml", "static_resources: {clusters: [{name: be, type: STATIC}]}"),
    ),
    *(
        with_manager(
            f"typed_struct_{name}_{number}",
            filters="[{name: envoy.filters.http.router, typed_config: "
            f"{{'@type': type.googleapis.com/{kind}, {fields}}}}}]",
        )
        for name, kind in (
            ("udpa", "udpa.type.v1.TypedStruct"),
            ("xds", "xds.type.v3.TypedStruct"),
        )
        for number, fields in enumerate(
            (
                f"typeUrl: {ROUTER_TYPE}, value: {{suppressEnvoyHeaders: true}}",
                f"type_url: {ROUTER_TYPE.partition('/')[2]}",
                f"type_url: {ROUTER_TYPE}, value: {{no_such: true}}",
                f"type_url: {ROUTER_TYPE}, value: {{dynamic_stats: {{value: 5}}}}",
                "type_url: type.googleapis.com/no.such.Type, value: {}",
                "value: {}",
            )
        )
    ),
    Verdict("duplicate_keys", whole(more="\nnode: {id: a}\nnode: {id: b}\n")),
    Verdict("yaml_merge", "x: &x {id: a}\nnode:\n  <<: *x\n"),
    Verdict("yaml_anchor_alias", whole(more="\nnode: {id: &i abc, cluster: *i}\n")),
    Verdict("number_for_string", whole(more="\nnode: {id: 5}\n")),
    Verdict("unquoted_n_for_string", whole(more="\nnode: {id: n}\n")),
    Verdict("unquoted_yes_for_string", whole(more="\nnode: {id: yes}\n")),
    Verdict("quoted_number", whole(more="\nnode: {id: '5'}\n")),
    Verdict("null_for_message", whole(more="\nnode:\n")),
    Verdict("camel_case", whole(more="\nstatsFlushInterval: 5s\n")),
    Verdict("duration_as_object", whole(more="\nstats_flush_interval: {seconds: 1}\n")),
    Verdict("duration_bad", whole(more="\nstats_flush_interval: 5\n")),
    Verdict("duration_minutes", whole(more="\nstats_flush_interval: 5m\n")),
    Verdict("duration_too_small", whole(more="\nstats_flush_interval: 0.0001s\n")),
    Verdict("no_clusters_no_listeners", "static_resources: {}"),
    Verdict("scalar_for_list", whole().replace("domains: ['*']", "domains: '*'")),
    Verdict("duplicate_listener_names", whole(listener() + listener())),
    Verdict("duplicate_cluster_names", whole(clusters=cluster() + cluster())),
    Verdict("listener_without_name", whole(listener(name="stat_prefix: x"))),
    Verdict(
        "listener_without_chains",
        whole(
            "\n  - name: m\n    address: {socket_address: {address: 127.0.0.1, port_value: 0}}\n"
        ),
    ),
    Verdict("listener_without_address", whole("\n  - name: m\n    filter_chains: [{}]\n")),
    Verdict(
        "listener_bad_address",
        whole(listener()).replace(
            "address: 127.0.0.1, port_value: 0", "address: not-an-address, port_value: 0"
        ),
    ),
    Verdict(
        "listener_port_too_big", whole(listener()).replace("port_value: 0", "port_value: 70000")
    ),
    Verdict("listener_port_missing", whole(listener()).replace(", port_value: 0", "")),
    Verdict("chain_without_filters", whole(listener("\n- {}\n"))),
    Verdict("two_chains_same_match", whole(listener(manager() + manager()))),
    Verdict("chain_unknown_filter", whole(listener("\n- filters: [{name: no.such.filter}]\n"))),
    Verdict(
        "two_network_filters_after_hcm",
        whole(
            listener(
                manager()
                + "  - name: envoy.filters.network.echo\n    typed_config: {'@type': type."
                "googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}\n"
            )
        ),
    ),
    with_manager("hcm_empty_filters", filters="[]"),
    Verdict(
        "hcm_bare_router",
        whole(listener(manager(filters=BARE_ROUTER))),
        differs="Envoy wants a typed_config there; Lateen knows the router by its name",
    ),
    Verdict("hcm_no_stat_prefix", whole().replace("stat_prefix: in", "codec_type: AUTO")),
    with_manager("hcm_unknown_field", "no_such_option: true"),
    with_manager("hcm_codec_lower_case", "codec_type: http1"),
    with_manager("hcm_codec_number", "codec_type: 1"),
    with_manager("hcm_codec_unknown", "codec_type: HTTP9"),
    with_manager("hcm_codec_unknown_number", "codec_type: 99"),
    with_manager("hcm_bool_as_string", "use_remote_address: 'true'"),
    with_manager("hcm_bool_as_number", "use_remote_address: 1"),
    with_manager("hcm_number_as_string", "xff_num_trusted_hops: '2'"),
    with_manager("hcm_negative_hops", "xff_num_trusted_hops: -1"),
    with_manager("hcm_headers_kb_too_big", "max_request_headers_kb: 100000"),
    with_manager("hcm_headers_kb_zero", "max_request_headers_kb: 0"),
    with_manager("hcm_max_headers_zero", "common_http_protocol_options: {max_headers_count: 0}"),
    with_manager("hcm_server_name_newline", 'server_name: "a\\nb"'),
    with_manager("hcm_via_empty", "via: ''"),
    with_manager(
        "hcm_two_route_specifiers", "rds: {route_config_name: x, config_source: {ads: {}}}"
    ),
    with_manager(
        "hcm_trusted_hops_and_ip_extension", "original_ip_detection_extensions: [{name: x}]"
    ),
    with_manager("upgrade", "upgrade_configs: [{upgrade_type: websocket}, {upgrade_type: x/1}]"),
    with_manager("upgrade_twice", "upgrade_configs: [{upgrade_type: a}, {upgrade_type: A}]"),
    with_manager("upgrade_without_type", "upgrade_configs: [{}]"),
    with_manager("upgrade_filters", f"upgrade_configs: [{{upgrade_type: a, filters: {ROUTER}}}]"),
    with_manager(
        "upgrade_filters_without_router",
        "upgrade_configs: [{upgrade_type: a, filters: [{name: m, typed_config: {'@type': "
        "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation,"
        " mutations: {}}}]}]",
    ),
    *(
        with_route(
            f"route_upgrade_{name}",
            f"{{match: {{prefix: /}}, route: {{cluster: be, upgrade_configs: [{upgrades}]}}}}",
        )
        for name, upgrades in {
            "plain": "{upgrade_type: websocket, enabled: false}",
            "twice": "{upgrade_type: a}, {upgrade_type: A}",
            "without_type": "{}",
            "connect": "{upgrade_type: CONNECT, connect_config: {}}",
            "connect_lower_case": "{upgrade_type: connect, connect_config: {allow_post: true}}",
            "connect_forbidden": "{upgrade_type: CONNECT, enabled: false, connect_config: {}}",
            "connect_config_of_another": "{upgrade_type: websocket, connect_config: {}}",
            "connect_config_unknown": "{upgrade_type: CONNECT, connect_config: {a: 1}}",
        }.items()
    ),
    with_route("route_connect_matcher", "{match: {connect_matcher: {}}, route: {cluster: be}}"),
    Verdict(
        "upgrade_datagrams",
        whole(listener(manager("upgrade_configs: [{upgrade_type: CONNECT-UDP}]"))),
        differs="CONNECT-UDP and connect-ip carry datagrams, which Lateen does not relay",
    ),
    Verdict(
        "connect_with_proxy_protocol",
        whole(
            listener(
                manager(
                    hosts="[{name: vh, domains: ['*'], routes: [{match: {connect_matcher: {}},"
                    " route: {cluster: be, upgrade_configs: [{upgrade_type: CONNECT,"
                    " connect_config: {proxy_protocol_config: {}}}]}}]}]"
                )
            )
        ),
        differs="no PROXY header goes before the bytes of a CONNECT that ends here",
    ),
    with_collection("collection", CLUSTERS, api_source("DELTA_GRPC")),
    with_collection("collection_one", CLUSTERS.replace("*", "b"), api_source("DELTA_GRPC")),
    with_collection("collection_aggregated", CLUSTERS, api_source("AGGREGATED_DELTA_GRPC")),
    with_collection("collection_sotw", CLUSTERS, api_source("GRPC")),
    with_collection("collection_self", CLUSTERS, "{self: {}}"),
    with_collection("collection_path", CLUSTERS, "{path_config_source: {path: /etc/hosts}}"),
    with_collection(
        "collection_of_listeners",
        CLUSTERS.replace("cluster.v3.Cluster", "listener.v3.Listener"),
        api_source("DELTA_GRPC"),
    ),
    with_collection("collection_no_type", "xdstp://a", api_source("DELTA_GRPC")),
    with_collection("collection_no_scheme", "clusters", api_source("DELTA_GRPC")),
    with_clusters_of("cds_collection", CLUSTERS, api_source("DELTA_GRPC")),
    with_clusters_of("cds_collection_aggregated", CLUSTERS, api_source("AGGREGATED_DELTA_GRPC")),
    with_clusters_of("cds_collection_sotw", CLUSTERS, api_source("GRPC")),
    with_clusters_of("cds_collection_no_source", CLUSTERS),
    with_clusters_of("cds_collection_self", CLUSTERS, "{self: {}}"),
    with_clusters_of("cds_collection_http", "http://a/b", api_source("DELTA_GRPC")),
    with_clusters_of("cds_collection_no_scheme", "clusters", api_source("DELTA_GRPC")),
    with_clusters_of(
        "cds_collection_of_listeners",
        CLUSTERS.replace("cluster.v3.Cluster", "listener.v3.Listener"),
        api_source("DELTA_GRPC"),
    ),
    with_manager("filter_unknown_type", filters="[{name: x, typed_config: {'@type': no.such.T}}]"),
    with_manager("filter_any_without_type", filters="[{name: x, typed_config: {a: b}}]"),
    with_manager("filter_router_not_last", filters=ROUTER[:-1] + ", " + ROUTER[1:]),
    with_manager("filter_disabled_router", filters=ROUTER.replace("}}]", "}, disabled: true}]")),
    with_manager(
        "filter_optional_unknown",
        filters="[{name: x, is_optional: true, typed_config: "
        "{'@type': type.googleapis.com/no.such.Type}}, " + ROUTER[1:],
    ),
    with_manager(
        "typed_struct_router",
        filters="[{name: envoy.filters.http.router, typed_config: "
        "{'@type': type.googleapis.com/xds.type.v3.TypedStruct, type_url: "
        f"{ROUTER_TYPE}, value: {{suppress_envoy_headers: true}}}}}}]",
    ),
    with_manager("vhost_repeated_domain", hosts=TWO_HOSTS),
    with_manager("vhost_repeated_name", hosts=SAME_NAME),
    with_manager("vhost_two_stars", hosts="[{name: a, domains: ['*']}, {name: b, domains: ['*']}]"),
    with_manager("vhost_star_inside", hosts="[{name: a, domains: ['a.*.test']}]"),
    with_manager("vhost_no_domains", hosts="[{name: a, domains: []}]"),
    with_manager("vhost_no_name", hosts="[{domains: ['*']}]"),
    Verdict("route_table_unnamed", whole().replace("name: local, ", "")),
    with_route("route_unknown_cluster", "{match: {prefix: /}, route: {cluster: nope}}"),
    with_route(
        "route_unknown_weighted_cluster",
        "{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: nope, weight: 1}]}}}",
    ),
    with_route("route_no_action", "{match: {prefix: /}}"),
    with_route("route_no_match", "{route: {cluster: be}}"),
    with_route("route_empty_match", "{match: {}, route: {cluster: be}}"),
    with_route("route_two_paths", "{match: {prefix: /, path: /}, route: {cluster: be}}"),
    with_route("route_two_actions", "{match: {prefix: /}, route: {cluster: be}, redirect: {}}"),
    with_route("route_prefix_no_slash", "{match: {prefix: abc}, route: {cluster: be}}"),
    with_route("route_bad_regex", "{match: {safe_regex: {regex: '['}}, route: {cluster: be}}"),
    with_route("route_empty_regex", "{match: {safe_regex: {regex: ''}}, route: {cluster: be}}"),
    with_route(
        "route_lookahead_regex", "{match: {safe_regex: {regex: '(?=a)'}}, route: {cluster: be}}"
    ),
    with_route(
        "route_separated_slash_end", "{match: {path_separated_prefix: /a/}, route: {cluster: be}}"
    ),
    with_route(
        "route_separated_question", "{match: {path_separated_prefix: '/a?b'}, route: {cluster: be}}"
    ),
    with_route(
        "route_prefix_and_regex_rewrite",
        "{match: {prefix: /}, route: {cluster: be, "
        "prefix_rewrite: /a, regex_rewrite: {pattern: {regex: a}, substitution: b}}}",
    ),
    with_route(
        "route_bad_substitution",
        "{match: {prefix: /}, route: {cluster: be, "
        "regex_rewrite: {pattern: {regex: a}, substitution: '\\1'}}}",
    ),
    with_route(
        "route_weights_zero",
        "{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: be, weight: 0}]}}}",
    ),
    with_route(
        "route_weights_none", "{match: {prefix: /}, route: {weighted_clusters: {clusters: []}}}"
    ),
    with_route("route_direct_status_99", "{match: {prefix: /}, direct_response: {status: 99}}"),
    with_route("route_direct_status_200", "{match: {prefix: /}, direct_response: {status: 200}}"),
    with_route("route_direct_status_600", "{match: {prefix: /}, direct_response: {status: 600}}"),
    with_route(
        "route_direct_body_missing_file",
        "{match: {prefix: /}, direct_response: {status: 200, body: {filename: /no/such/file}}}",
    ),
    with_route(
        "route_direct_body_too_long",
        "{match: {prefix: /}, direct_response: {status: 200, "
        f"body: {{inline_string: {'x' * 5000}}}}}}}",
    ),
    with_route(
        "route_redirect_code_unknown", "{match: {prefix: /}, redirect: {response_code: TEAPOT}}"
    ),
    with_route(
        "route_internal_redirect_copies_path",
        "{match: {prefix: /}, route: {cluster: be, "
        "internal_redirect_policy: {response_headers_to_copy: [':path']}}}",
    ),
    with_route(
        "route_internal_redirect_copies_host",
        "{match: {prefix: /}, route: {cluster: be, "
        "internal_redirect_policy: {response_headers_to_copy: [Host]}}}",
    ),
    with_route(
        "route_internal_redirect_many_codes",
        "{match: {prefix: /}, route: {cluster: be, "
        "internal_redirect_policy: {redirect_response_codes: [301, 302, 303, 307, 308, 302]}}}",
    ),
    with_route(
        "route_internal_redirect_code_of_success",
        "{match: {prefix: /}, route: {cluster: be, "
        "internal_redirect_policy: {redirect_response_codes: [200]}}}",
    ),
    with_route(
        "route_internal_redirect_unknown_predicate",
        "{match: {prefix: /}, route: {cluster: be, "
        "internal_redirect_policy: {predicates: [{name: x}]}}}",
    ),
    with_route(
        "route_retry_on_unknown",
        "{match: {prefix: /}, route: {cluster: be, retry_policy: {retry_on: nonsense}}}",
    ),
    with_route(
        "route_retry_backoff_zero",
        "{match: {prefix: /}, route: {cluster: be, "
        "retry_policy: {retry_back_off: {base_interval: 0s}}}}",
    ),
    with_route(
        "route_retry_backoff_inverted",
        "{match: {prefix: /}, route: {cluster: be, "
        "retry_policy: {retry_back_off: {base_interval: 2s, max_interval: 1s}}}}",
    ),
    with_route(
        "route_negative_timeout", "{match: {prefix: /}, route: {cluster: be, timeout: -1s}}"
    ),
    with_route(
        "route_header_add_host",
        "{match: {prefix: /}, route: {cluster: be}, "
        "request_headers_to_add: [{header: {key: host, value: x}}]}",
    ),
    with_route(
        "route_header_add_pseudo",
        "{match: {prefix: /}, route: {cluster: be}, "
        "request_headers_to_add: [{header: {key: ':path', value: x}}]}",
    ),
    with_route(
        "route_header_add_bad_name",
        "{match: {prefix: /}, route: {cluster: be}, "
        "request_headers_to_add: [{header: {key: 'a b', value: x}}]}",
    ),
    with_route(
        "route_header_add_newline",
        "{match: {prefix: /}, route: {cluster: be}, "
        'request_headers_to_add: [{header: {key: a, value: "x\\ny"}}]}',
    ),
    with_route(
        "route_header_add_empty_key",
        "{match: {prefix: /}, route: {cluster: be}, "
        "request_headers_to_add: [{header: {key: '', value: x}}]}",
    ),
    with_route(
        "route_header_remove_host",
        "{match: {prefix: /}, route: {cluster: be}, request_headers_to_remove: [host]}",
    ),
    with_route(
        "route_header_format_unknown",
        "{match: {prefix: /}, route: {cluster: be}, "
        "request_headers_to_add: [{header: {key: a, value: '%NOPE%'}}]}",
    ),
    with_route(
        "route_header_format_open",
        "{match: {prefix: /}, route: {cluster: be}, "
        "request_headers_to_add: [{header: {key: a, value: '%REQ(a'}}]}",
    ),
    with_route(
        "route_header_lone_percent",
        "{match: {prefix: /}, route: {cluster: be}, "
        "request_headers_to_add: [{header: {key: a, value: '100%'}}]}",
    ),
    with_route(
        "route_header_matcher_range_inverted",
        "{match: {prefix: /, headers: [{name: a, "
        "range_match: {start: 5, end: 1}}]}, route: {cluster: be}}",
    ),
    with_route(
        "route_runtime_fraction_no_default",
        "{match: {prefix: /, runtime_fraction: {runtime_key: x}}, route: {cluster: be}}",
    ),
    with_route(
        "route_per_filter_unknown",
        "{match: {prefix: /}, route: {cluster: be}, "
        "typed_per_filter_config: {nope: {'@type': type.googleapis.com/no.Such}}}",
    ),
    with_route(
        "route_uri_template_bad",
        "{match: {path_match_policy: {name: m, typed_config: "
        "{'@type': type.googleapis.com/envoy.extensions.path.match.uri_template.v3."
        "UriTemplateMatchConfig, path_template: '/a/{b'}}}, route: {cluster: be}}",
    ),
    with_cluster("cluster_no_type", "connect_timeout: 1s"),
    with_cluster("aggregate_good", f"{aggregate('[a]')}\n    lb_policy: CLUSTER_PROVIDED"),
    with_cluster("aggregate_no_policy", aggregate("[a]")),
    with_cluster("aggregate_of_none", f"{aggregate('[]')}\n    lb_policy: CLUSTER_PROVIDED"),
    with_cluster(
        "aggregate_with_subsets",
        f"{aggregate('[a]')}\n    lb_policy: CLUSTER_PROVIDED\n"
        "    lb_subset_config: {subset_selectors: [{keys: [a]}]}",
    ),
    with_cluster("cluster_type_unknown", "type: STATIK"),
    with_cluster("cluster_type_lower_case", "type: static"),
    with_cluster("cluster_connect_timeout_zero", "connect_timeout: 0s"),
    with_cluster("cluster_connect_timeout_negative", "connect_timeout: -1s"),
    with_cluster(
        "cluster_static_with_name",
        "type: STATIC",
        hosts=f"[{HOST.replace('127.0.0.1', 'localhost')}]",
    ),
    with_cluster("cluster_logical_dns_two_hosts", "type: LOGICAL_DNS", hosts=f"[{HOST}, {HOST}]"),
    with_cluster("cluster_logical_dns_no_hosts", "type: LOGICAL_DNS", hosts="[]"),
    with_cluster("cluster_strict_dns_no_hosts", "type: STRICT_DNS", hosts="[]"),
    with_cluster("cluster_eds_without_config", "type: EDS"),
    with_cluster("cluster_lb_unknown", "lb_policy: BEST"),
    with_cluster("cluster_lb_cluster_provided", "lb_policy: CLUSTER_PROVIDED"),
    with_cluster(
        "cluster_lb_config_of_other", "lb_policy: ROUND_ROBIN\n    ring_hash_lb_config: {}"
    ),
    with_cluster(
        "cluster_panic_over_100", "common_lb_config: {healthy_panic_threshold: {value: 101}}"
    ),
    with_cluster(
        "cluster_weight_zero", "type: STATIC", hosts=f"[{HOST[:-1]}, load_balancing_weight: 0}}]"
    ),
    with_cluster(
        "cluster_host_pipe", "type: STATIC", hosts="[{endpoint: {address: {pipe: {path: /tmp/x}}}}]"
    ),
    with_cluster("cluster_host_no_address", "type: STATIC", hosts="[{endpoint: {}}]"),
    with_cluster("cluster_dns_refresh_zero", "type: STRICT_DNS\n    dns_refresh_rate: 0s"),
    with_cluster(
        "cluster_breaker_negative", "circuit_breakers: {thresholds: [{max_requests: -1}]}"
    ),
    Verdict(
        "cluster_http2_options",
        whole(clusters=cluster("http2_protocol_options: {}")),
    ),
    with_cluster("cluster_panic_nan", "common_lb_config: {healthy_panic_threshold: {value: NaN}}"),
    Verdict("cluster_empty_name", whole(clusters="\n  - name: ''\n    type: STATIC\n")),
    Verdict("cluster_no_assignment", whole(clusters="\n  - {name: be, type: STATIC}\n")),
    Verdict(
        "cluster_assignment_other_name", whole().replace("cluster_name: be", "cluster_name: other")
    ),
    with_log("log_unknown_operator", "%NOPE%"),
    with_log("log_unterminated", "%REQ(x"),
    with_log("log_missing_argument", "%REQ%"),
    with_log("log_unwanted_argument", "%PROTOCOL(x)%"),
    with_log("log_bad_length", "%REQ(x):abc%"),
    with_log("log_good", "%REQ(x?y):10% %START_TIME(%s)%"),
    with_manager("log_no_type", "access_log: [{name: envoy.access_loggers.file}]"),
    with_manager(
        "log_empty_path",
        "access_log: [{name: x, typed_config: {'@type': type.googleapis"
        ".com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: ''}}]",
    ),
    with_manager(
        "log_two_formats",
        "access_log: [{name: x, typed_config: {'@type': type.googleapis"
        ".com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/null, "
        "format: a, json_format: {a: b}}}]",
    ),
    Verdict(
        "admin_bad_address",
        whole(more="\nadmin: {address: {socket_address: {address: nope, port_value: 0}}}\n"),
    ),
    Verdict("admin_without_address", whole(more="\nadmin: {}\n")),
    Verdict(
        "runtime_layers_same_name",
        whole(
            more="\nlayered_runtime: {layers: [{name: a, admin_layer: {}}, {name: a, static_layer: "
            "{}}]}\n"
        ),
    ),
    Verdict(
        "runtime_two_admin_layers",
        whole(
            more="\nlayered_runtime: {layers: [{name: a, admin_layer: {}}, {name: b, admin_layer: "
            "{}}]}\n"
        ),
    ),
    Verdict(
        "stats_tag_without_name", whole(more="\nstats_config: {stats_tags: [{regex: '(a)'}]}\n")
    ),
    Verdict(
        "stats_tag_bad_regex",
        whole(more="\nstats_config: {stats_tags: [{tag_name: a, regex: '('}]}\n"),
    ),
    Verdict(
        "base64_bad",
        whole().replace(
            "route: {cluster: be}", "direct_response: {status: 200, body: {inline_bytes: '!!'}}"
        ),
    ),
    Verdict(
        "base64_good",
        whole().replace(
            "route: {cluster: be}", "direct_response: {status: 200, body: {inline_bytes: aGk=}}"
        ),
    ),
)
