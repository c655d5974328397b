"""What selectors select, and which pods have a sidecar.

Source: Istio pkg/config/analysis/analyzers/util/in_mesh.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lateen.control.analyze.kinds import Deployment
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.kubernetes.plain import Namespace
from lateen.control.resources.kubernetes.pod import Container, Pod
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects

PROXY = "istio-proxy"
INJECT = "sidecar.istio.io/inject"
INJECTION = "istio-injection"
REVISION = "istio.io/rev"
DATAPLANE = "istio.io/dataplane-mode"
_REDIRECTION = "ambient.istio.io/redirection"


def spelled(selector: Mapping[str, str]) -> str:
    """A selector as Kubernetes writes it: `app=web,version=v1`."""
    return ",".join(f"{name}={value}" for name, value in sorted(selector.items()))


def pods_selected(
    resources: Snapshot, selector: Mapping[str, str], namespace: str | None = None
) -> Iterator[Resource[Pod]]:
    """The pods with these labels, of one namespace; None: of any."""
    return (
        pod
        for pod in resources.of(Pod)
        if namespace in (None, pod.namespace) and selects(selector, pod.labels)
    )


def is_control_plane(resource: Resource[object]) -> bool:
    """Whether it is a part of an installation of Istio."""
    return "istio" in resource.labels or resource.labels.get("release") == "istio"


def pod_in_mesh(resources: Snapshot, pod: Resource[Pod]) -> bool:
    """Whether a pod has a sidecar."""
    spec = pod.spec.spec
    containers = (*spec.containers, *spec.init_containers)
    return _in_mesh(resources, pod.namespace, pod.labels, pod.annotations, containers)


def pod_is_ambient(pod: Resource[Pod]) -> bool:
    """Whether a pod's traffic goes through the node's proxy."""
    return pod.annotations.get(_REDIRECTION) == "enabled"


def namespace_is_ambient(namespace: Resource[Namespace] | None) -> bool:
    """Whether the traffic of a namespace's pods goes through the node's proxy."""
    if namespace is None or namespace.labels.get(INJECTION) == "enabled":
        return False
    if namespace.labels.get(REVISION):
        return False
    return namespace.labels.get(DATAPLANE) == "ambient"


def deployment_in_mesh(resources: Snapshot, deployment: Resource[Deployment]) -> bool:
    """Whether the pods of a deployment get a sidecar."""
    template = deployment.spec.template
    return _in_mesh(
        resources,
        deployment.namespace,
        template.metadata.labels,
        template.metadata.annotations,
        template.spec.containers,
    )


def proxy_image(containers: Iterable[Container]) -> str:
    """The image of the sidecar; empty: there is none."""
    return next((one.image for one in containers if one.name == PROXY), "")


def _in_mesh(
    resources: Snapshot,
    namespace: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    containers: Iterable[Container],
) -> bool:
    if proxy_image(containers):
        return True
    said = labels.get(INJECT, annotations.get(INJECT))
    if said is not None:
        return said == "true"
    owner = resources.find(Namespace, "", namespace)
    return owner is not None and owner.labels.get(INJECTION) == "enabled"


def names_of(resources: Iterable[Resource[object]]) -> str:
    """The names of several resources."""
    return ", ".join(sorted(one.name for one in resources))
