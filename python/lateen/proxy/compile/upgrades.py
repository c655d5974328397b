"""Protocol upgrades and CONNECT: of a connection manager, and of a route, which has the last word.

Source: UpgradeConfig in http_connection_manager.proto and in route_components.proto; Envoy docs,
"HTTP upgrades".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import ConnectConfig, UpgradeConfig
from lateen.proxy.compile.http_filter_chain import compile_http_filters

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RouteAction
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

    Upgrade = RouteAction.UpgradeConfig | hcm.HttpConnectionManager.UpgradeConfig

SUPPORT = (
    Fields(
        "envoy.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager.UpgradeConfig",
        implemented="upgrade_type enabled filters",
    ),
    Fields(
        "envoy.config.route.v3.RouteAction.UpgradeConfig",
        implemented="upgrade_type enabled connect_config",
    ),
    Fields(
        "envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig", implemented="allow_post"
    ),
)

# They carry datagrams (RFC 9298, RFC 9484).
_DATAGRAMS = ("connect-udp", "connect-ip")


def compile_upgrades(
    ctx: CompileContext,
    upgrades: Iterable[hcm.HttpConnectionManager.UpgradeConfig],
    manager: HttpFilterOwner,
    at: str,
) -> list[UpgradeConfig]:
    """Those of a connection manager; one may have HTTP filters of its own."""
    compiled = []
    for index, upgrade in enumerate(upgrades):
        out = _compile(ctx, upgrade, f"{at}[{index}]")
        where = f"{at}[{index}].filters"
        filters = compile_http_filters(ctx, upgrade.filters, manager, where)
        out.http_filters.extend(filters)
        compiled.append(out)
    return compiled


def compile_route_upgrades(
    ctx: CompileContext, upgrades: Iterable[RouteAction.UpgradeConfig], at: str
) -> tuple[list[UpgradeConfig], ConnectConfig | None]:
    """Those of a route, and what it does with CONNECT other than to pass it on."""
    compiled = []
    connect = None
    for index, upgrade in enumerate(upgrades):
        compiled.append(_compile(ctx, upgrade, f"{at}[{index}]"))
        if upgrade.HasField("connect_config"):
            connect = ConnectConfig(allow_post=upgrade.connect_config.allow_post)
    return compiled, connect


def _compile(ctx: CompileContext, upgrade: Upgrade, at: str) -> UpgradeConfig:
    kind = upgrade.upgrade_type.lower()
    enabled = upgrade.enabled.value or not upgrade.HasField("enabled")
    if enabled and kind in _DATAGRAMS:
        ctx.unimplemented(
            f"{at}.upgrade_type", f"an upgrade to {upgrade.upgrade_type}", "CONNECT, which is TCP"
        )
    return UpgradeConfig(type=kind, enabled=enabled)
