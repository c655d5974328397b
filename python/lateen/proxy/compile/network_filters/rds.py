"""The routes of a connection manager that come by RDS.

Source: Rds in http_connection_manager.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.proxy.compile.digest import digest
from lateen.proxy.compile.network_filters.owner import RouteSource

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (whole("envoy.extensions.filters.network.http_connection_manager.v3.Rds"),)


def compile_rds(ctx: CompileContext, rds: hcm.Rds, stat_prefix: str, at: str) -> RouteSource:
    """What is to be subscribed to; the same resource from the same source is one route table."""
    source = rds.config_source
    if source.WhichOneof("config_source_specifier") is None:
        reason = (
            "Missing config source specifier in envoy::config::core::v3::ConfigSource for"
            f" {rds.route_config_name}"
        )
        ctx.error(f"{at}.config_source", reason)
    return route_source(source, rds.route_config_name, stat_prefix)


def route_source(source: ConfigSource, name: str, stat_prefix: str) -> RouteSource:
    """The routes of that name from a source."""
    table = f"rds/{_key(source)}/{name}"
    return RouteSource(table, name, source.SerializeToString(deterministic=True), stat_prefix)


def _key(source: ConfigSource) -> str:
    if source.HasField("ads"):
        return "ads"
    return digest(source.SerializeToString(deterministic=True)).hex()
