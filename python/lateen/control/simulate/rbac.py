"""Whether rules of role based access control let a call pass.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/rbac/v3/rbac.proto
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.simulate.call import Call, Request
from lateen.control.simulate.steps import Lost, Path, Step
from lateen.control.simulate.texts import (
    in_range,
    is_header,
    is_metadata,
    is_path,
    is_text,
    template_matches,
)
from lateen.control.translate import api

if TYPE_CHECKING:
    from envoy.config.rbac.v3.rbac_pb2 import RBAC, Permission, Policy, Principal

_FORBIDDEN = 403


def judge(rules: RBAC, call: Call, path: Path) -> bool:
    """Whether the call may pass; a step tells by which policy, and which did not match."""
    if rules.action == api.Rbac.LOG:
        return True
    matching = [name for name in sorted(rules.policies) if _holds(rules.policies[name], call)]
    lost = [
        Lost(name, why_not(rules.policies[name], call))
        for name in sorted(rules.policies)
        if name not in matching
    ]
    allows = rules.action == api.Rbac.ALLOW
    passes = bool(matching) == allows
    verb = "allows" if allows else "denies"
    if matching:
        why = f"{verb} the call"
    else:
        why = "no policy allows the call" if allows else "no policy denies the call"
    path.add(Step("policy", matching[0] if matching else "", why, lost))
    if not passes:
        by = f" ({matching[0]})" if matching else ""
        path.refuse(f"RBAC: access denied: {why}{by}", _FORBIDDEN if call.request else 0)
    return passes


def _holds(policy: Policy, call: Call) -> bool:
    return any(permits(one, call) for one in policy.permissions) and any(
        is_principal(one, call) for one in policy.principals
    )


def why_not(policy: Policy, call: Call) -> str:
    """Which side of a policy does not hold."""
    if not any(permits(one, call) for one in policy.permissions):
        return "it is not about what is called"
    return "it is not about who calls"


def permits(permission: Permission, call: Call) -> bool:
    """Whether a permission holds for a call."""
    kind = permission.WhichOneof("rule")
    if kind == "and_rules":
        return all(permits(one, call) for one in permission.and_rules.rules)
    if kind == "or_rules":
        return any(permits(one, call) for one in permission.or_rules.rules)
    if kind == "not_rule":
        return not permits(permission.not_rule, call)
    if kind == "metadata":
        return is_metadata(permission.metadata, call.claims)
    if kind in ("header", "url_path", "uri_template"):
        return call.request is not None and _permits_request(permission, call.request)
    return permission.any or _permits_connection(permission, call)


def _permits_request(permission: Permission, request: Request) -> bool:
    kind = permission.WhichOneof("rule")
    if kind == "header":
        return is_header(permission.header, request)
    if kind == "url_path":
        return is_path(permission.url_path, request)
    return _is_template(permission, request.url_path)


def _permits_connection(permission: Permission, call: Call) -> bool:
    kind = permission.WhichOneof("rule")
    if kind == "destination_port":
        return permission.destination_port == call.port
    if kind == "destination_ip":
        return in_range(permission.destination_ip, call.address)
    sni = call.tls.sni if call.tls is not None else ""
    return kind == "requested_server_name" and is_text(permission.requested_server_name, sni)


def _is_template(permission: Permission, path: str) -> bool:
    config = api.UriTemplateMatchConfig()
    config.ParseFromString(permission.uri_template.typed_config.value)
    return template_matches(config.path_template, path)


def is_principal(principal: Principal, call: Call) -> bool:
    """Whether a principal is who calls."""
    kind = principal.WhichOneof("identifier")
    if kind == "and_ids":
        return all(is_principal(one, call) for one in principal.and_ids.ids)
    if kind == "or_ids":
        return any(is_principal(one, call) for one in principal.or_ids.ids)
    if kind == "not_id":
        return not is_principal(principal.not_id, call)
    if kind == "authenticated":
        identity = call.tls.identity if call.tls is not None else ""
        return bool(identity) and is_text(principal.authenticated.principal_name, identity)
    if kind in ("direct_remote_ip", "source_ip", "remote_ip"):
        return in_range(getattr(principal, kind), call.source)
    return principal.any or _is_of_request(principal, call)


def _is_of_request(principal: Principal, call: Call) -> bool:
    kind = principal.WhichOneof("identifier")
    if kind == "metadata":
        return is_metadata(principal.metadata, call.claims)
    request = call.request
    if request is None:
        return False
    if kind == "header":
        return is_header(principal.header, request)
    return kind == "url_path" and is_path(principal.url_path, request)
