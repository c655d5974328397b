"""The HTTP connection manager and its routes: upgrades, terminal filters, what is hardly meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.check.context import CheckContext
from lateen.config.diagnostics import nearest
from lateen.config.paths import Place

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import (
        RetryPolicy,
        Route,
        RouteAction,
        VirtualHost,
    )
    from envoy.config.route.v3.route_pb2 import RouteConfiguration
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm_pb2,
    )

# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
_RETRY_ON = frozenset(
    (
        *("5xx", "gateway-error", "reset", "reset-before-request", "connect-failure"),
        *("envoy-ratelimited", "retriable-4xx", "refused-stream", "retriable-status-codes"),
        *("retriable-headers", "http3-post-connect-failure", "cancelled", "deadline-exceeded"),
        *("internal", "resource-exhausted", "unavailable"),
    )
)


def connection_manager(
    message: hcm_pb2.HttpConnectionManager, place: Place, cx: CheckContext
) -> None:
    """Upgrades differ, and the filters end in one that answers."""
    _unique_upgrades(cx, (place, "upgrade_configs"), message.upgrade_configs)
    filters = message.http_filters
    where: Place = (place, "http_filters")
    if not filters:
        cx.doubt(where, "without the router filter no request is forwarded", "add it")
    elif filters[-1].disabled:
        text = "the last filter of the chain cannot be disabled"
        cx.error(((where, len(filters) - 1), "disabled"), text)
    seen: set[str] = set()
    for index, item in enumerate(filters):
        if item.name in seen:
            cx.doubt(((where, index), "name"), f"another filter is called {item.name!r} too")
        seen.add(item.name)


def _unique_upgrades(
    cx: CheckContext,
    place: Place,
    upgrades: Iterable[hcm_pb2.HttpConnectionManager.UpgradeConfig | RouteAction.UpgradeConfig],
) -> None:
    seen: set[str] = set()
    for index, upgrade in enumerate(upgrades):
        name = upgrade.upgrade_type.lower()
        if name in seen:
            cx.error((place, index), f"the upgrade {upgrade.upgrade_type!r} is there twice")
        seen.add(name)


def route_action(message: RouteAction, place: Place, cx: CheckContext) -> None:
    """Upgrades differ, and only CONNECT has a connect_config."""
    where: Place = (place, "upgrade_configs")
    _unique_upgrades(cx, where, message.upgrade_configs)
    for index, upgrade in enumerate(message.upgrade_configs):
        method = upgrade.upgrade_type.upper()
        if upgrade.HasField("connect_config") and method not in ("CONNECT", "CONNECT-UDP"):
            text = f"connect_config is for CONNECT, not for {upgrade.upgrade_type}"
            cx.error(((where, index), "connect_config"), text)


def retry_policy(message: RetryPolicy, place: Place, cx: CheckContext) -> None:
    """Envoy ignores words of retry_on that it does not know."""
    for word in message.retry_on.split(","):
        name = word.strip()
        if name and name not in _RETRY_ON:
            text = f"retry_on does not know {name!r} and ignores it"
            cx.doubt((place, "retry_on"), text, nearest(name, _RETRY_ON))


def route_configuration(message: RouteConfiguration, place: Place, cx: CheckContext) -> None:
    """Virtual hosts have names of their own, and every route can be reached."""
    seen: set[str] = set()
    for index, host in enumerate(message.virtual_hosts):
        where: Place = ((place, "virtual_hosts"), index)
        if host.name in seen:
            cx.doubt((where, "name"), f"another virtual host is called {host.name!r} too")
        seen.add(host.name)
        _check_reachable(host, where, cx)
        if host.HasField("matcher") and host.routes:
            cx.error((where, "matcher"), "a virtual host has either a matcher or routes")


def _check_reachable(host: VirtualHost, place: Place, cx: CheckContext) -> None:
    last = len(host.routes) - 1
    for index, route in enumerate(host.routes):
        if _takes_everything(route) and index < last:
            text = f"never reached: routes[{index}] takes every request"
            cx.doubt(((place, "routes"), index + 1), text, "put it before that route")
            return


def _takes_everything(route: Route) -> bool:
    match = route.match
    if match.prefix not in ("/", "") or match.WhichOneof("path_specifier") != "prefix":
        return False
    return all(field.name in ("prefix", "case_sensitive") for field, _ in match.ListFields())
