"""SDS: certificates and roots of Secrets, for those proxies whose configuration names them.

A proxy gets what is in its own namespace alone. `kubernetes://NAME` is the certificate and the key
of the Secret NAME; `kubernetes://NAME-cacert` the roots of the Secret of that name, else of NAME.

Source: pilot/pkg/xds/sds.go, pilot/pkg/credentials/kube/secrets.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lateen.control.documents import Path
from lateen.control.export import exported
from lateen.control.mesh import Mesh
from lateen.control.model.proxy import Proxy, ProxyType
from lateen.control.resources.destination_rule import ClientTls, DestinationRule, TrafficPolicy
from lateen.control.resources.kubernetes.secret import Secret
from lateen.control.resources.selectors import selects
from lateen.control.translate import api
from lateen.control.translate.certificates import SecretError, certificate_of, roots_of
from lateen.control.translate.credentials import (
    CA_SUFFIX,
    KUBERNETES,
    credential,
    credential_roots,
)
from lateen.control.translate.gateways.merge import merged_gateway
from lateen.control.translate.gateways.tls import certificates, roots

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3 import secret_pb2


@dataclass(frozen=True)
class Secrets:
    """The secrets of one proxy.

    Attributes:
        mesh: at this moment.
        proxy: whose configuration names them.
    """

    mesh: Mesh
    proxy: Proxy

    @cached_property
    def names(self) -> frozenset[str]:
        """The secrets that the proxy's configuration names."""
        found = set(self._of_rules())
        if self.proxy.type is ProxyType.ROUTER:
            for server in merged_gateway(self.mesh, self.proxy).servers():
                if server.tls is not None and server.ends_tls:
                    found.update((*certificates(server.tls), roots(server.tls)))
        return frozenset(name for name in found if name.startswith(KUBERNETES))

    def secret(self, name: str) -> secret_pb2.Secret | None:
        """One secret; None: the proxy may not have it, or there is no such Secret."""
        if not self.proxy.trusted or name not in self.names:
            return None
        try:
            return secret_of(self.mesh, name, self.proxy.namespace)
        except SecretError:
            return None

    def _of_rules(self) -> Iterator[str]:
        """Those of destination rules; rules for every sidecar would tell their key to all."""
        default = self.mesh.config.default_destination_rule_export_to
        namespace = self.proxy.namespace
        for rule in self.mesh.of(DestinationRule):
            selector = rule.spec.workload_selector
            if selector is None and self.proxy.type is ProxyType.SIDECAR:
                continue
            own = rule.namespace == namespace
            chosen = selector is None or (own and selects(selector.match_labels, self.proxy.labels))
            export_to = rule.spec.export_to or default
            if chosen and (own or exported(export_to, rule.namespace, namespace)):
                for _, tls in client_settings(rule.spec):
                    yield from client_secrets(tls)


def client_settings(rule: DestinationRule) -> Iterator[tuple[Path, ClientTls]]:
    """What a destination rule says of TLS, of all ports and subsets, and where it is written."""
    top: Path = ("spec", "trafficPolicy")
    policies: list[tuple[Path, TrafficPolicy | None]] = [(top, rule.traffic_policy)]
    for index, subset in enumerate(rule.subsets):
        policies.append((("spec", "subsets", index, "trafficPolicy"), subset.traffic_policy))
    for path, policy in policies:
        if policy is None:
            continue
        if policy.tls is not None:
            yield (*path, "tls"), policy.tls
        for index, port in enumerate(policy.port_level_settings):
            if port.tls is not None:
                yield (*path, "portLevelSettings", index, "tls"), port.tls


def client_secrets(tls: ClientTls) -> list[str]:
    """The secrets that a rule names: the client's certificate, and roots to verify servers by."""
    named = []
    if tls.credential_name and tls.mode == "MUTUAL":
        named.append(credential(tls.credential_name))
    if tls.credential_name and tls.mode in ("SIMPLE", "MUTUAL") and not tls.insecure_skip_verify:
        named.append(credential_roots(tls.credential_name))
    return named


def secret_of(mesh: Mesh, name: str, namespace: str) -> secret_pb2.Secret:
    """The message of a secret for proxies of a namespace.

    Args:
        name: `kubernetes://NAME`, or `kubernetes://NAMESPACE/NAME`.

    Raises:
        SecretError: it is of another namespace, there is no such Secret, or not what is wanted.
    """
    owner, slash, secret = name.removeprefix(KUBERNETES).rpartition("/")
    if slash and owner != namespace:
        raise SecretError(f"only proxies of namespace {owner} may have it")
    found = {one.name: one for one in mesh.of(Secret) if one.namespace == namespace}
    resource = found.get(secret) or found.get(secret.removesuffix(CA_SUFFIX))
    if resource is None:
        raise SecretError(f"there is no Secret {namespace}/{secret.removesuffix(CA_SUFFIX)}")
    try:
        if secret.endswith(CA_SUFFIX):
            return api.Secret(name=name, validation_context=roots_of(resource.spec))
        return api.Secret(name=name, tls_certificate=certificate_of(resource.spec))
    except SecretError as error:
        raise SecretError(f"{resource.key} is of no use: {error}") from None
