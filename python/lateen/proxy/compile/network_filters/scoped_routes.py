"""The scoped routes of a connection manager: a route table for each key made of request headers.

Source: ScopedRoutes in http_connection_manager.proto, envoy/config/route/v3/scoped_route.proto;
errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import RouteScope, ScopedRoutes, ScopeKeyFragment
from lateen.proxy.compile.collection import check_collection
from lateen.proxy.compile.digest import digest
from lateen.proxy.compile.network_filters.owner import ScopeSource
from lateen.proxy.compile.route_table import compile_route_table

if TYPE_CHECKING:
    from envoy.config.route.v3.scoped_route_pb2 import ScopedRouteConfiguration
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import FilterOwner

    Extractor = hcm.ScopedRoutes.ScopeKeyBuilder.FragmentBuilder.HeaderValueExtractor

_HCM = "envoy.extensions.filters.network.http_connection_manager.v3"
_ROUTE = "envoy.config.route.v3"
_SCOPE = f"{_ROUTE}.ScopedRouteConfiguration"
_BUILDER = f"{_HCM}.ScopedRoutes.ScopeKeyBuilder"

SUPPORT = (
    whole(f"{_HCM}.ScopedRoutes"),
    whole(_BUILDER),
    whole(f"{_BUILDER}.FragmentBuilder"),
    whole(f"{_BUILDER}.FragmentBuilder.HeaderValueExtractor"),
    whole(f"{_BUILDER}.FragmentBuilder.HeaderValueExtractor.KvElement"),
    whole(f"{_HCM}.ScopedRouteConfigurationsList"),
    whole(f"{_HCM}.ScopedRds"),
    whole(_SCOPE),
    whole(f"{_ROUTE}.ScopedRouteConfiguration.Key"),
    whole(f"{_ROUTE}.ScopedRouteConfiguration.Key.Fragment"),
)


def compile_scoped_routes(
    ctx: CompileContext, config: hcm.ScopedRoutes, stat_prefix: str, owner: FilterOwner, at: str
) -> ScopedRoutes:
    """How a request finds its scope; tables, or what is to be subscribed to, go to the owner."""
    out = ScopedRoutes(key=_compile_key(ctx, config.scope_key_builder, f"{at}.scope_key_builder"))
    if config.WhichOneof("config_specifier") == "scoped_rds":
        _check_locator(ctx, config.scoped_rds, f"{at}.scoped_rds")
        source = _source_of(config, stat_prefix)
        out.route_scopes = source.table
        owner.scope_sources.append(source)
        return out
    # As in Envoy, of several scopes with one name the last counts.
    scopes: dict[str, RouteScope] = {}
    where = f"{at}.scoped_route_configurations_list.scoped_route_configurations"
    listed = config.scoped_route_configurations_list.scoped_route_configurations
    for index, scope in enumerate(listed):
        scopes.pop(scope.name, None)
        scopes[scope.name] = _compile_inline(ctx, scope, owner, f"{where}[{index}]")
    out.scopes.extend(scopes.values())
    return out


def key_of(scope: ScopedRouteConfiguration) -> tuple[str, ...]:
    """The key of a scope: a text for each fragment."""
    return tuple(fragment.string_key for fragment in scope.key.fragments)


def _check_locator(ctx: CompileContext, config: hcm.ScopedRds, at: str) -> None:
    if locator := config.srds_resources_locator:
        where = (f"{at}.srds_resources_locator", f"{at}.scoped_rds_config_source")
        check_collection(ctx, locator, config.scoped_rds_config_source, _SCOPE, where)


def _source_of(config: hcm.ScopedRoutes, stat_prefix: str) -> ScopeSource:
    source = config.scoped_rds.scoped_rds_config_source.SerializeToString(deterministic=True)
    rds = config.rds_config_source.SerializeToString(deterministic=True)
    locator = config.scoped_rds.srds_resources_locator
    parts = (config.name.encode(), stat_prefix.encode(), source, rds, locator.encode())
    name = f"srds/{digest(*parts).hex()}"
    return ScopeSource(name, config.name, source, rds, stat_prefix, locator)


def _compile_inline(
    ctx: CompileContext, scope: ScopedRouteConfiguration, owner: FilterOwner, at: str
) -> RouteScope:
    if scope.route_configuration_name:
        reason = (
            "Fetching routes via RDS (route_configuration_name) is not supported with inline scoped"
            " routes."
        )
        ctx.error(f"{at}.route_configuration_name", reason)
    elif not scope.HasField("route_configuration"):
        reason = "You must specify a route_configuration with inline scoped routes."
        ctx.error(f"{at}.route_configuration", reason)
    if scope.on_demand:
        ctx.warning(f"{at}.on_demand", "on_demand has no effect here", "it has in scopes over SRDS")
    table = owner.table_name(scope.route_configuration)
    if all(known.name != table for known in owner.route_tables):
        where = f"{at}.route_configuration"
        routes = scope.route_configuration
        owner.route_tables.append(
            compile_route_table(ctx, routes, table, where, validate_clusters=True)
        )
    return RouteScope(key=key_of(scope), route_table=table)


def _compile_key(
    ctx: CompileContext, builder: hcm.ScopedRoutes.ScopeKeyBuilder, at: str
) -> list[ScopeKeyFragment]:
    return [
        _compile_fragment(
            ctx, fragment.header_value_extractor, f"{at}.fragments[{index}].header_value_extractor"
        )
        for index, fragment in enumerate(builder.fragments)
    ]


def _compile_fragment(ctx: CompileContext, extractor: Extractor, at: str) -> ScopeKeyFragment:
    out = ScopeKeyFragment(
        header=extractor.name.lower(), element_separator=extractor.element_separator
    )
    kind = extractor.WhichOneof("extract_type")
    if kind is None:
        ctx.error(at, "HeaderValueExtractor extract_type not set.")
    elif kind == "index":
        out.index = extractor.index
        if extractor.index and not extractor.element_separator:
            ctx.error(f"{at}.index", "Index > 0 for empty string element separator.")
    else:
        out.element.separator = extractor.element.separator
        out.element.key = extractor.element.key
    return out
