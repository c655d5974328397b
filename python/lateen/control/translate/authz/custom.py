"""CUSTOM policies: a service outside the proxy decides.

Rules that are only tried tell by dynamic metadata which calls are concerned; the filter behind them
asks the service about those alone. Where the service cannot be asked, they are denied.

Source: pilot/pkg/security/authz/builder/builder.go, extauthz.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Build
from lateen.control.providers import Authorizer
from lateen.control.resources.authorization_policy import AuthorizationPolicy
from lateen.control.resources.meta import Resource
from lateen.control.translate import api
from lateen.control.translate.authz.asking import ask_about_connections, ask_about_requests
from lateen.control.translate.authz.filters import rules_of
from lateen.control.translate.authz.trust import TrustDomains
from lateen.control.translate.telemetry.receivers import Found, find

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import Filter
    from envoy.config.rbac.v3.rbac_pb2 import RBAC
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )
    from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher

_HTTP_RBAC, _NETWORK_RBAC = "envoy.filters.http.rbac", "envoy.filters.network.rbac"
_HTTP, _NETWORK = "envoy.filters.http.ext_authz", "envoy.filters.network.ext_authz"
_PREFIX, _STATS = "istio-ext-authz", "istio_ext_authz_"
_DENIED = "-deny-due-to-bad-CUSTOM-action"

Policies = Sequence[Resource[AuthorizationPolicy]]


@dataclass(frozen=True)
class Custom:
    """The policies of one workload that others decide about.

    Attributes:
        mesh: at this moment.
        policies: that select the workload, of every action.
        trust_domains: of the mesh.
        build: of the proxy.
    """

    mesh: Mesh
    policies: Policies
    trust_domains: TrustDomains
    build: Build

    @cached_property
    def _by_provider(self) -> dict[str, list[Resource[AuthorizationPolicy]]]:
        found: dict[str, list[Resource[AuthorizationPolicy]]] = {}
        for policy in self.policies:
            if policy.spec.action == "CUSTOM":
                provider = policy.spec.provider
                found.setdefault(provider.name if provider is not None else "", []).append(policy)
        return dict(sorted(found.items()))

    def http_filters(self) -> Iterator[hcm.HttpFilter]:
        """The HTTP filters, two for each provider."""
        for name in self._by_provider:
            rules = self._rules(name, for_tcp=False)
            known = self._known(name)
            if known is None:
                denied = api.HttpRbac(rules=_denying(rules))
                yield api.HttpFilter(name=_HTTP_RBAC, typed_config=api.packed(denied))
                continue
            tried = api.HttpRbac(shadow_rules=rules, shadow_rules_stat_prefix=_STATS)
            yield api.HttpFilter(name=_HTTP_RBAC, typed_config=api.packed(tried))
            asking = ask_about_requests(*known, _concerned(_HTTP_RBAC, name))
            yield api.HttpFilter(name=_HTTP, typed_config=api.packed(asking))

    def network_filters(self) -> Iterator[Filter]:
        """The filters for connections: providers that are asked over HTTP have nothing to say."""
        for name in self._by_provider:
            provider = self.mesh.config.provider(name)
            if provider is not None and provider.envoy_ext_authz_http is not None:
                continue
            rules = self._rules(name, for_tcp=True)
            known = self._known(name)
            # Lateen has no network filter that asks.
            if known is None or self.build is Build.LATEEN:
                denied = api.NetworkRbac(rules=_denying(rules), stat_prefix="tcp.")
                yield api.NetworkFilter(name=_NETWORK_RBAC, typed_config=api.packed(denied))
                continue
            tried = api.NetworkRbac(
                shadow_rules=rules, shadow_rules_stat_prefix=_STATS, stat_prefix="tcp."
            )
            yield api.NetworkFilter(name=_NETWORK_RBAC, typed_config=api.packed(tried))
            asking = ask_about_connections(*known, _concerned(_NETWORK_RBAC, name))
            yield api.NetworkFilter(name=_NETWORK, typed_config=api.packed(asking))

    def _rules(self, name: str, *, for_tcp: bool) -> RBAC:
        made = api.Rbac(action=api.Rbac.DENY)
        found = rules_of(self._by_provider[name], "CUSTOM", self.trust_domains, for_tcp)
        for policy in found.policies:
            made.policies[f"{_PREFIX}-{name}-{policy}"].CopyFrom(found.policies[policy])
        return made

    def _known(self, name: str) -> tuple[Authorizer, Found] | None:
        """The service that is asked; None: there is none of the name, or it is not known."""
        provider = self.mesh.config.provider(name)
        if provider is None:
            return None
        said = provider.envoy_ext_authz_http or provider.envoy_ext_authz_grpc
        found = find(self.mesh, said) if said is not None else None
        return (said, found) if said is not None and found is not None else None


def _denying(rules: RBAC) -> RBAC:
    made = api.Rbac(action=api.Rbac.DENY)
    for name in rules.policies:
        made.policies[f"{name}{_DENIED}"].CopyFrom(rules.policies[name])
    return made


def _concerned(rbac: str, name: str) -> MetadataMatcher:
    """Matches what the rules of a provider have matched."""
    made = api.MetadataMatcher(filter=rbac)
    made.path.add(key=f"{_STATS}shadow_effective_policy_id")
    made.value.string_match.prefix = f"{_PREFIX}-{name}-"
    return made
