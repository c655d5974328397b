"""What decides the host of a request in clusters that hash.

Source: RouteAction.HashPolicy in envoy/config/route/v3/route_components.proto; HashPolicy in
envoy/type/v3/hash_policy.proto; the form of cookies as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.matchers import compile_regex_rewrite

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RouteAction
    from envoy.type.v3 import hash_policy_pb2

    from lateen.proxy.compile.context import CompileContext

_POLICY = "envoy.config.route.v3.RouteAction.HashPolicy"

SUPPORT = (
    Fields(
        _POLICY,
        implemented="header cookie connection_properties query_parameter filter_state terminal",
    ),
    *(
        whole(f"{_POLICY}.{name}")
        for name in (
            "Header",
            "Cookie",
            "CookieAttribute",
            "ConnectionProperties",
            "QueryParameter",
            "FilterState",
        )
    ),
    whole("envoy.type.v3.HashPolicy"),
    whole("envoy.type.v3.HashPolicy.SourceIp"),
    whole("envoy.type.v3.HashPolicy.FilterState"),
)


def compile_hash_policies(
    ctx: CompileContext, policies: Iterable[RouteAction.HashPolicy], at: str
) -> list[worker_pb2.HashPolicy]:
    """The policies of a route or a cluster, without those that hash nothing."""
    compiled = []
    for index, policy in enumerate(policies):
        out = worker_pb2.HashPolicy(terminal=policy.terminal)
        kind = policy.WhichOneof("policy_specifier")
        if kind == "header":
            out.header.name = policy.header.header_name
            if policy.header.HasField("regex_rewrite"):
                where = f"{at}[{index}].header.regex_rewrite"
                rewrite = compile_regex_rewrite(ctx, policy.header.regex_rewrite, where)
                out.header.rewrite.CopyFrom(rewrite)
        elif kind == "cookie":
            out.cookie.name = policy.cookie.name
            if policy.cookie.HasField("ttl"):
                out.cookie.set_cookie_end = _set_cookie_end(policy.cookie)
        elif kind == "connection_properties" and policy.connection_properties.source_ip:
            out.source_ip = True
        elif kind == "query_parameter":
            out.query_parameter = policy.query_parameter.name
        elif kind == "filter_state":
            out.filter_state = policy.filter_state.key
        if out.WhichOneof("kind") is not None:
            compiled.append(out)
    return compiled


def compile_connection_hash_policies(
    policies: Iterable[hash_policy_pb2.HashPolicy],
) -> list[worker_pb2.HashPolicy]:
    """The policies of a network filter."""
    compiled = []
    for policy in policies:
        if policy.WhichOneof("policy_specifier") == "filter_state":
            compiled.append(worker_pb2.HashPolicy(filter_state=policy.filter_state.key))
        else:
            compiled.append(worker_pb2.HashPolicy(source_ip=True))
    return compiled


def _set_cookie_end(cookie: RouteAction.HashPolicy.Cookie) -> str:
    """What follows the value in Set-Cookie; a cookie without an age lasts for the session."""
    parts = []
    if cookie.ttl.seconds:
        parts.append(f"Max-Age={cookie.ttl.seconds}")
    if cookie.path:
        parts.append(f"Path={cookie.path}")
    for attribute in cookie.attributes:
        value = f"={attribute.value}" if attribute.value else ""
        parts.append(f"{attribute.name}{value}")
    return "".join(f"; {part}" for part in [*parts, "HttpOnly"])
