"""What is wrong in a mesh that no look at one resource alone can tell."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from lateen.config.diagnostics import Diagnostic
from lateen.control.documents import Path
from lateen.control.mesh import Mesh
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.gateway import Gateway
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.kubernetes.secret import Secret
from lateen.control.resources.report import Report
from lateen.control.resources.selectors import selects
from lateen.control.resources.traffic import PASSED_ON, ServerTls
from lateen.control.translate.certificates import SecretError
from lateen.control.translate.credentials import CA_SUFFIX, KUBERNETES
from lateen.control.translate.gateways.cycles import Cycles
from lateen.control.translate.gateways.merge import merge
from lateen.control.translate.gateways.tls import certificates, roots
from lateen.control.translate.secrets import client_secrets, client_settings, secret_of


def problems(mesh: Mesh) -> list[Diagnostic]:
    """Servers that do not fit together, credentials and delegates that are of no use, cycles."""
    found = [*mesh.delegate_problems, *_conflicts(mesh)]
    for gateway in mesh.of(Gateway):
        report = Report(gateway.source)
        wanted = gateway.spec.selector
        homes = {one.namespace for one in mesh.of(Pod) if selects(wanted, one.labels)}
        for index, server in enumerate(gateway.spec.servers):
            if server.tls is not None and server.tls.mode not in PASSED_ON:
                at: Path = ("spec", "servers", index, "tls")
                _check_server(mesh, homes, server.tls, at, report)
        found += report.found
    for rule in mesh.of(DestinationRule):
        report = Report(rule.source)
        _check_rule(mesh, rule.spec, report)
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


def _check_server(
    mesh: Mesh, homes: Collection[str], tls: ServerTls, at: Path, report: Report
) -> None:
    """The credentials of a server of a Gateway."""
    field = "credentialNames" if tls.credential_names else "credentialName"
    named = [(name, field) for name in certificates(tls)]
    named.append((roots(tls), "caCertCredentialName" if tls.ca_cert_credential_name else field))
    for name, field in named:
        if name.startswith(KUBERNETES):
            hint = "without it the server refuses connections"
            _check_secret(mesh, homes, name, (*at, field), report, hint)


def _check_rule(mesh: Mesh, rule: DestinationRule, report: Report) -> None:
    """The credentials of a destination rule, in whichever namespace callers are."""
    hint = "without it no connection is made"
    for at, tls in client_settings(rule):
        for name in client_secrets(tls):
            _check_secret(mesh, (), name, (*at, "credentialName"), report, hint)


def _check_secret(
    mesh: Mesh, homes: Collection[str], name: str, path: Path, report: Report, hint: str
) -> None:
    """Whether proxies of the namespaces can have a secret; of none: of any where it is."""
    bare = name.removeprefix(KUBERNETES)
    alike = (bare, bare.removesuffix(CA_SUFFIX))
    where = homes or {one.namespace for one in mesh.of(Secret) if one.name in alike}
    wrong = []
    for namespace in sorted(where):
        try:
            secret_of(mesh, name, namespace)
        except SecretError as error:
            wrong.append(str(error))
    if not where:
        wrong.append(f"there is no Secret {alike[-1]}")
    if wrong and (homes or len(wrong) >= len(where)):
        report.error(path, wrong[0], hint)
