"""Applications that run as the sidecar's user, whose traffic is not captured.

Source: Istio pkg/config/analysis/analyzers/deployment/pod.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.kinds import Deployment
from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import APPLICATION_UID
from lateen.control.analyze.selecting import PROXY, is_control_plane
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.documents import Path
from lateen.control.resources.kubernetes.pod import Pod, PodSpec, SecurityContext
from lateen.control.resources.meta import Resource

_UID = 1337
_OF_ISTIO = (PROXY, "istio-operator")


def application_uid(resources: Snapshot) -> Iterator[Message]:
    """Looks at the users of pods and of deployments' pods."""
    for pod in resources.of(Pod):
        yield from _about_user(pod, pod.spec.spec, ("spec",))
    for deployment in resources.of(Deployment):
        at = ("spec", "template", "spec")
        yield from _about_user(deployment, deployment.spec.template.spec, at)


def _about_user(resource: Resource[object], spec: PodSpec, at: Path) -> Iterator[Message]:
    if is_control_plane(resource):
        return
    contexts: list[tuple[Path, SecurityContext | None]] = [(at, spec.security_context)]
    for index, container in enumerate(spec.containers):
        if container.name not in _OF_ISTIO:
            contexts.append(((*at, "containers", index), container.security_context))
    for path, context in contexts:
        if context is not None and context.run_as_user == _UID:
            text = f"User {_UID} is the sidecar's: its traffic is not captured, use another"
            field = (*path, "securityContext", "runAsUser")
            yield about(APPLICATION_UID, resource, text, field)
            return
