"""The filters that judge what comes to a workload: who is asked, its tokens, then its policies.

Source: pilot/pkg/networking/core/listener_builder.go (the order), pilot/pkg/security/authn,
pilot/pkg/security/authz.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
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


def judges_of_requests(mesh: Mesh, proxy: Proxy) -> list[hcm.HttpFilter]:
    """The HTTP filters, in order."""
    tokens = jwt_filter(mesh, jwt_rules(mesh, proxy))
    policies = list(policies_of(mesh, proxy, AuthorizationPolicy))
    return [
        *_custom(mesh, proxy, policies).http_filters(),
        *([tokens] if tokens is not None else []),
        *http_filters(policies, _trust_domains(mesh.config)),
    ]


def judges_of_connections(mesh: Mesh, proxy: Proxy) -> list[Filter]:
    """The network filters, where requests are not read."""
    policies = list(policies_of(mesh, proxy, AuthorizationPolicy))
    return [
        *_custom(mesh, proxy, policies).network_filters(),
        *network_filters(policies, _trust_domains(mesh.config)),
    ]


def _custom(mesh: Mesh, proxy: Proxy, policies: Sequence[Resource[AuthorizationPolicy]]) -> Custom:
    return Custom(mesh, policies, _trust_domains(mesh.config), proxy.build)


def _trust_domains(config: MeshConfig) -> TrustDomains:
    return TrustDomains((config.trust_domain, *config.trust_domain_aliases))
