"""CORS policies, of `typed_per_filter_config` and of the fields of routes and virtual hosts.

Source: envoy/extensions/filters/http/cors/v3/cors.proto, CorsPolicy in route_components.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.matchers import compile_string
from lateen.proxy.compile.values import runtime_fraction

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import CorsPolicy as RouteCorsPolicy
    from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (whole("envoy.config.route.v3.CorsPolicy"),)


def compile_cors_policy(
    ctx: CompileContext, policy: CorsPolicy | RouteCorsPolicy, at: str
) -> worker_pb2.CorsPolicy:
    """What one level says of the origins that may read responses."""
    compiled = worker_pb2.CorsPolicy(
        allow_origins=[
            compile_string(ctx, origin, f"{at}.allow_origin_string_match[{index}]")
            for index, origin in enumerate(policy.allow_origin_string_match)
        ],
        allow_methods=policy.allow_methods,
        allow_headers=policy.allow_headers,
        expose_headers=policy.expose_headers,
        max_age=policy.max_age,
    )
    if policy.HasField("allow_credentials"):
        compiled.allow_credentials = policy.allow_credentials.value
    if policy.HasField("allow_private_network_access"):
        compiled.allow_private_network = policy.allow_private_network_access.value
    if policy.HasField("forward_not_matching_preflights"):
        compiled.forward_not_matching = policy.forward_not_matching_preflights.value
    if policy.HasField("filter_enabled"):
        compiled.enabled.CopyFrom(runtime_fraction(policy.filter_enabled))
    if policy.HasField("shadow_enabled"):
        compiled.shadow.CopyFrom(runtime_fraction(policy.shadow_enabled))
    return compiled
