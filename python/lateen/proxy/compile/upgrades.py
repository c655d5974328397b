"""Protocol upgrades, which are not implemented yet: a configuration may only forbid them.

Source: UpgradeConfig in http_connection_manager.proto and in route_components.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RouteAction
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )

    from lateen.proxy.compile.context import CompileContext

    Upgrade = RouteAction.UpgradeConfig | hcm.HttpConnectionManager.UpgradeConfig


def refuse_upgrades(ctx: CompileContext, upgrades: Iterable[Upgrade], at: str) -> None:
    """Report each upgrade that is to be allowed."""
    for index, upgrade in enumerate(upgrades):
        if upgrade.enabled.value or not upgrade.HasField("enabled"):
            what = f"an upgrade to {upgrade.upgrade_type}"
            ctx.unimplemented(f"{at}[{index}]", what, "enabled: false")
