"""The filters that judge what comes to a workload: who is asked, its tokens, then its policies.

Source: pilot/pkg/networking/core/listener_builder.go (the order), pilot/pkg/security/authn,
pilot/pkg/security/authz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy
from lateen.control.resources.authorization_policy import AuthorizationPolicy
from lateen.control.resources.meta import Resource
from lateen.control.translate.authz.custom import Custom
from lateen.control.translate.authz.filters import http_filters, network_filters
from lateen.control.translate.authz.trust import TrustDomains
from lateen.control.translate.jwt import jwt_filter
from lateen.control.translate.workloads import jwt_rules, policies_of

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import Filter
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )


@dataclass(frozen=True)
class Judges:
    """The filters, the same in all chains.

    Attributes:
        mesh: at this moment.
        proxy: of the workload.
    """

    mesh: Mesh
    proxy: Proxy

    @cached_property
    def of_requests(self) -> Sequence[hcm.HttpFilter]:
        """The HTTP filters, in order."""
        tokens = jwt_filter(self.mesh, jwt_rules(self.mesh, self.proxy))
        return [
            *self._custom.http_filters(),
            *([tokens] if tokens is not None else []),
            *http_filters(self._policies, self._trust_domains),
        ]

    @cached_property
    def of_connections(self) -> Sequence[Filter]:
        """The network filters, where requests are not read."""
        return [
            *self._custom.network_filters(),
            *network_filters(self._policies, self._trust_domains),
        ]

    @cached_property
    def _policies(self) -> Sequence[Resource[AuthorizationPolicy]]:
        return list(policies_of(self.mesh, self.proxy, AuthorizationPolicy))

    @property
    def _custom(self) -> Custom:
        return Custom(self.mesh, self._policies, self._trust_domains, self.proxy.build)

    @property
    def _trust_domains(self) -> TrustDomains:
        config = self.mesh.config
        return TrustDomains((config.trust_domain, *config.trust_domain_aliases))
