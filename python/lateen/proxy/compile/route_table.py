"""A RouteConfiguration: the virtual hosts of a listener or of an RDS resource.

Source: envoy/config/route/v3/route.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import RouteTable
from lateen.proxy.compile.headers import compile_mutations
from lateen.proxy.compile.mirror import compile_mirrors
from lateen.proxy.compile.overrides import compile_overrides
from lateen.proxy.compile.table_scope import scope_of
from lateen.proxy.compile.values import metadata_json
from lateen.proxy.compile.virtual_host import compile_virtual_host

if TYPE_CHECKING:
    from envoy.config.route.v3.route_pb2 import RouteConfiguration

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.route.v3.RouteConfiguration",
        implemented="""
            name virtual_hosts internal_only_headers response_headers_to_add
            response_headers_to_remove request_headers_to_add request_headers_to_remove
            most_specific_header_mutations_wins validate_clusters
            max_direct_response_body_size_bytes ignore_port_in_host_matching
            vhost_header ignore_path_parameters_in_path_matching typed_per_filter_config
            metadata vhds request_mirror_policies cluster_specifier_plugins
        """,
    ),
    whole("envoy.config.route.v3.Vhds"),
)


def compile_route_table(
    ctx: CompileContext,
    config: RouteConfiguration,
    name: str,
    at: str,
    *,
    validate_clusters: bool,
) -> RouteTable:
    """One route table.

    Args:
        name: the table's name among all tables of the process.
        validate_clusters: whether a route to an unknown cluster is an error when the configuration
            does not say; it is for a table inside a listener or scope, not for one from RDS.
    """
    inline = validate_clusters
    if config.HasField("vhds") and inline:
        ctx.warning(f"{at}.vhds", "vhds has no effect here", "it has in routes that come by RDS")
    if config.HasField("validate_clusters"):
        validate_clusters = config.validate_clusters.value
    if not validate_clusters:
        ctx = ctx.without_cluster_check()
    scope = scope_of(config)
    table = RouteTable(
        name=name,
        config_name=config.name,
        virtual_hosts=[
            compile_virtual_host(ctx, host, scope, f"{at}.virtual_hosts[{i}]")
            for i, host in enumerate(config.virtual_hosts)
        ],
        mutations=compile_mutations(ctx, config, at),
        most_specific_header_mutations_wins=config.most_specific_header_mutations_wins,
        internal_only_headers=[header.lower() for header in config.internal_only_headers],
        ignore_port_in_host_matching=config.ignore_port_in_host_matching,
        overrides=compile_overrides(ctx, config.typed_per_filter_config, at),
        ignore_path_parameters_in_path_matching=config.ignore_path_parameters_in_path_matching,
        vhost_header=config.vhost_header.lower(),
        on_demand=config.HasField("vhds") and not inline,
        mirrors=compile_mirrors(
            ctx, config.request_mirror_policies, f"{at}.request_mirror_policies"
        ),
    )
    if config.HasField("metadata"):
        table.metadata_json = metadata_json(config.metadata)
    domains = (host.domains for host in table.virtual_hosts)
    check_domains(ctx, domains, table.config_name, at)
    return table


def check_domains(ctx: CompileContext, hosts: Iterable[Iterable[str]], route: str, at: str) -> None:
    """Report a domain that two virtual hosts have, or one has twice.

    Args:
        hosts: the domains of each virtual host.
        route: the name of the RouteConfiguration.
    """
    seen: set[str] = set()
    for number, domains in enumerate(hosts):
        for index, domain in enumerate(domains):
            if domain not in seen:
                seen.add(domain)
                continue
            where = f"{at}.virtual_hosts[{number}].domains[{index}]"
            if domain == "*":
                reason = f"Only a single wildcard domain is permitted in route {route}"
            else:
                reason = (
                    "Only unique values for domains are permitted. Duplicate entry of domain"
                    f" {domain} in route {route}"
                )
            ctx.error(where, reason)
