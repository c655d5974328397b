"""What is wrong in a mesh that no look at one resource alone can tell."""

from __future__ import annotations

from collections.abc import Iterator

from lateen.config.diagnostics import Diagnostic
from lateen.control.documents import Path
from lateen.control.mesh import Mesh
from lateen.control.resources.gateway import Gateway
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.kubernetes.secret import Secret
from lateen.control.resources.meta import Resource
from lateen.control.resources.report import Report
from lateen.control.resources.selectors import selects
from lateen.control.resources.traffic import ServerTls
from lateen.control.translate.certificates import SecretError
from lateen.control.translate.credentials import CA_SUFFIX, KUBERNETES, credential
from lateen.control.translate.gateways.cycles import Cycles
from lateen.control.translate.gateways.merge import merge
from lateen.control.translate.gateways.tls import roots
from lateen.control.translate.secrets import secret_of


def problems(mesh: Mesh) -> list[Diagnostic]:
    """Servers that do not fit together, credentials and delegates that are of no use, cycles."""
    found = [*mesh.delegate_problems, *_conflicts(mesh)]
    for gateway in mesh.of(Gateway):
        report = Report(gateway.source)
        for index, server in enumerate(gateway.spec.servers):
            if server.tls is not None:
                _check_credentials(mesh, gateway, server.tls, ("spec", "servers", index), report)
        found += report.found
    return list(dict.fromkeys((*found, *Cycles(mesh).problems())))


def _conflicts(mesh: Mesh) -> Iterator[Diagnostic]:
    """Of the Gateways of each selector, with those that select more."""
    gateways = mesh.of(Gateway)
    groups = {
        (one.namespace if mesh.scope_gateways else "", tuple(sorted(one.spec.selector.items())))
        for one in gateways
    }
    for namespace, labels in sorted(groups):
        yield from merge(
            one
            for one in gateways
            if selects(one.spec.selector, dict(labels)) and namespace in ("", one.namespace)
        ).problems


def _check_credentials(
    mesh: Mesh, gateway: Resource[Gateway], tls: ServerTls, at: Path, report: Report
) -> None:
    for field, names in (
        ("credentialName", (tls.credential_name,)),
        ("credentialNames", tls.credential_names),
        ("caCertCredentialName", (tls.ca_cert_credential_name,)),
    ):
        for name in filter(None, names):
            _check_secret(mesh, gateway, credential(name), (*at, "tls", field), report)
    if roots(tls).startswith(KUBERNETES) and not tls.ca_cert_credential_name:
        field = "credentialNames" if tls.credential_names else "credentialName"
        _check_secret(mesh, gateway, roots(tls), (*at, "tls", field), report)


def _check_secret(
    mesh: Mesh, gateway: Resource[Gateway], name: str, path: Path, report: Report
) -> None:
    """Whether the gateway's workloads can have it, in their namespaces as far as they are known."""
    pods = [one for one in mesh.of(Pod) if selects(gateway.spec.selector, one.labels)]
    bare = name.removeprefix(KUBERNETES)
    alike = (bare, bare.removesuffix(CA_SUFFIX))
    homes = {one.namespace for one in pods} or {
        one.namespace for one in mesh.of(Secret) if one.name in alike
    }
    wrong = []
    for namespace in sorted(homes):
        try:
            secret_of(mesh, name, namespace)
        except SecretError as error:
            wrong.append(str(error))
    if not homes:
        wrong.append(f"there is no Secret {alike[-1]}")
    if wrong and (pods or len(wrong) >= len(homes)):
        report.error(path, wrong[0], "without it the server refuses connections")
