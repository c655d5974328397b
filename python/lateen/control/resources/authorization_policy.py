"""AuthorizationPolicy: who may do what.

Source: istio/api security/v1beta1/authorization_policy.proto.
"""

from __future__ import annotations

from typing import Literal

from lateen.control.resources.meta import Strict
from lateen.control.resources.selectors import LabelSelector, PolicyTargetReference

Action = Literal["ALLOW", "DENY", "AUDIT", "CUSTOM"]


class Source(Strict, frozen=True):
    """Who calls: what is set must all hold, of each list one value."""

    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    request_principals: tuple[str, ...] = ()
    not_request_principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    not_namespaces: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    not_service_accounts: tuple[str, ...] = ()
    trust_domains: tuple[str, ...] = ()
    not_trust_domains: tuple[str, ...] = ()
    ip_blocks: tuple[str, ...] = ()
    not_ip_blocks: tuple[str, ...] = ()
    remote_ip_blocks: tuple[str, ...] = ()
    not_remote_ip_blocks: tuple[str, ...] = ()


class Operation(Strict, frozen=True):
    """What is called: what is set must all hold, of each list one value."""

    hosts: tuple[str, ...] = ()
    not_hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    not_ports: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    not_methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    not_paths: tuple[str, ...] = ()


class From(Strict, frozen=True):
    """One source."""

    source: Source | None = None


class To(Strict, frozen=True):
    """One operation."""

    operation: Operation | None = None


class Condition(Strict, frozen=True):
    """What an attribute must be."""

    key: str
    values: tuple[str, ...] = ()
    not_values: tuple[str, ...] = ()


class Rule(Strict, frozen=True):
    """Holds if one source, one operation and every condition do; what is not set holds."""

    from_: tuple[From, ...] = ()
    to: tuple[To, ...] = ()
    when: tuple[Condition, ...] = ()


class ExtensionProvider(Strict, frozen=True):
    """Who decides in place of rules, by its name in the mesh's configuration."""

    name: str = ""


class AuthorizationPolicy(Strict, frozen=True):
    """What `spec` holds. Without rules it matches nothing; `rules: [{}]` matches everything."""

    selector: LabelSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    rules: tuple[Rule, ...] = ()
    action: Action = "ALLOW"
    provider: ExtensionProvider | None = None
