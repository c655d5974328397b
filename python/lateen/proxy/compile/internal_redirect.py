"""Redirects of upstreams that the proxy follows itself.

Source: InternalRedirectPolicy in envoy/config/route/v3/route_components.proto; defaults and errors
as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from lateen.config.support import whole
from lateen.protos.worker_pb2 import InternalRedirect

if TYPE_CHECKING:
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
    from envoy.config.route.v3.route_components_pb2 import InternalRedirectPolicy, RouteAction
    from envoy.extensions.internal_redirect.allow_listed_routes.v3 import (
        allow_listed_routes_config_pb2 as allow_listed,
    )

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.internal_redirect"
_ALLOW_LISTED = f"{_PACKAGE}.allow_listed_routes.v3.AllowListedRoutesConfig"
_PREVIOUS = f"{_PACKAGE}.previous_routes.v3.PreviousRoutesConfig"
_SAFE_SCHEME = f"{_PACKAGE}.safe_cross_scheme.v3.SafeCrossSchemeConfig"
_CATEGORY = "envoy.internal_redirect_predicates"

SUPPORT = (
    whole("envoy.config.route.v3.InternalRedirectPolicy"),
    whole(_ALLOW_LISTED, category=_CATEGORY),
    whole(_PREVIOUS, category=_CATEGORY),
    whole(_SAFE_SCHEME, category=_CATEGORY),
)

_STATUSES = frozenset((301, 302, 303, 307, 308))
_DEFAULT_STATUS = 302
_DEFAULT_MOST = 1


def compile_internal_redirect(
    ctx: CompileContext, action: RouteAction, at: str
) -> InternalRedirect | None:
    """Which redirects a route follows; None: none. The policy counts more than the older fields."""
    if action.HasField("internal_redirect_policy"):
        return _compile(ctx, action.internal_redirect_policy, f"{at}.internal_redirect_policy")
    if action.internal_redirect_action != action.HANDLE_INTERNAL_REDIRECT:
        return None
    most = action.max_internal_redirects
    return InternalRedirect(
        statuses=[_DEFAULT_STATUS],
        max_redirects=most.value if action.HasField("max_internal_redirects") else _DEFAULT_MOST,
    )


def _compile(ctx: CompileContext, policy: InternalRedirectPolicy, at: str) -> InternalRedirect:
    asked = policy.redirect_response_codes
    most = policy.max_internal_redirects
    return InternalRedirect(
        # As in Envoy, statuses that are no redirects count for nothing.
        statuses=[code for code in asked if code in _STATUSES] if asked else [_DEFAULT_STATUS],
        max_redirects=most.value if policy.HasField("max_internal_redirects") else _DEFAULT_MOST,
        predicates=_predicates(ctx, policy.predicates, f"{at}.predicates"),
        allow_cross_scheme=policy.allow_cross_scheme_redirect,
        headers_to_copy=_headers(ctx, policy, f"{at}.response_headers_to_copy"),
    )


def _headers(ctx: CompileContext, policy: InternalRedirectPolicy, at: str) -> list[str]:
    names = [name.lower() for name in policy.response_headers_to_copy]
    for index, name in enumerate(names):
        if name.startswith(":") or name == "host":
            ctx.error(f"{at}[{index}]", ":-prefixed headers or Hosts may not be specified here.")
    return names


def _predicates(
    ctx: CompileContext, configs: Iterable[TypedExtensionConfig], at: str
) -> list[InternalRedirect.Predicate]:
    compiled = []
    for index, config in enumerate(configs):
        predicate = _predicate(ctx, config, f"{at}[{index}]")
        if predicate is not None:
            compiled.append(predicate)
    return compiled


def _predicate(
    ctx: CompileContext, config: TypedExtensionConfig, at: str
) -> InternalRedirect.Predicate | None:
    message = ctx.unpack(config.typed_config)
    kind = message.DESCRIPTOR.full_name if message is not None else ""
    if kind == _ALLOW_LISTED:
        allowed = cast("allow_listed.AllowListedRoutesConfig", message).allowed_route_names
        routes = InternalRedirect.AllowListedRoutes(names=allowed)
        return InternalRedirect.Predicate(allow_listed_routes=routes)
    if kind == _PREVIOUS:
        return InternalRedirect.Predicate(previous_routes=True)
    if kind == _SAFE_SCHEME:
        return InternalRedirect.Predicate(safe_cross_scheme=True)
    what = f"internal redirect predicate {config.name} ({kind or 'no typed_config'})"
    ctx.unimplemented(at, what, f"{_ALLOW_LISTED}, {_PREVIOUS}, {_SAFE_SCHEME}")
    return None
