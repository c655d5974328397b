"""Sidecars about no pod, or about the same.

Source: Istio pkg/config/analysis/analyzers/sidecar/selector.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import (
    CONFLICTING_SIDECARS,
    INEFFECTIVE_POLICY,
    MULTIPLE_SIDECARS,
    NOT_FOUND,
)
from lateen.control.analyze.selecting import (
    names_of,
    namespace_is_ambient,
    pod_is_ambient,
    pods_selected,
    spelled,
)
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.kubernetes.plain import Namespace
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.meta import Resource
from lateen.control.resources.sidecar import Sidecar

_AMBIENT = "the traffic goes through the node's proxy, so the sidecar has no effect"


def sidecar_selectors(resources: Snapshot) -> Iterator[Message]:
    """Looks for the pods of each sidecar's selector."""
    of_namespace: dict[str, list[Resource[Sidecar]]] = defaultdict(list)
    of_pod: dict[str, tuple[Resource[Pod], list[Resource[Sidecar]]]] = {}
    for sidecar in resources.of(Sidecar):
        selector = sidecar.spec.workload_selector
        if selector is None or not selector.labels:
            of_namespace[sidecar.namespace].append(sidecar)
            continue
        pods = list(pods_selected(resources, selector.labels, sidecar.namespace))
        if not pods:
            text = f"No pod has the labels of the selector {spelled(selector.labels)}"
            yield about(NOT_FOUND, sidecar, text, ("spec", "workloadSelector"))
        for pod in pods:
            of_pod.setdefault(str(pod.key), (pod, []))[1].append(sidecar)
    for pod, sidecars in of_pod.values():
        yield from _about_pod(pod, sidecars)
    for name, sidecars in of_namespace.items():
        yield from _about_namespace(resources, name, sidecars)


def _about_pod(pod: Resource[Pod], sidecars: Sequence[Resource[Sidecar]]) -> Iterator[Message]:
    if pod_is_ambient(pod):
        for sidecar in sidecars:
            yield about(INEFFECTIVE_POLICY, sidecar, f"Of a selected pod {_AMBIENT}")
    elif len(sidecars) > 1:
        for sidecar in sidecars:
            text = f"The sidecars {names_of(sidecars)} select the same pod {pod.name}: keep one"
            yield about(CONFLICTING_SIDECARS, sidecar, text)


def _about_namespace(
    resources: Snapshot, namespace: str, sidecars: Sequence[Resource[Sidecar]]
) -> Iterator[Message]:
    if namespace_is_ambient(resources.find(Namespace, "", namespace)):
        for sidecar in sidecars:
            yield about(INEFFECTIVE_POLICY, sidecar, f"In namespace {namespace} {_AMBIENT}")
    elif len(sidecars) > 1:
        for sidecar in sidecars:
            text = f"The sidecars {names_of(sidecars)} are all for the whole namespace: keep one"
            yield about(MULTIPLE_SIDECARS, sidecar, text)
