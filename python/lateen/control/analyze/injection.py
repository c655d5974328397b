"""Namespaces and pods without sidecars, or with contradicting labels.

Source: Istio pkg/config/analysis/analyzers/injection/injection.go.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import (
    INJECTED_BY_DEFAULT,
    INJECTION_LABELS,
    NAMESPACE_NOT_INJECTED,
    POD_MISSING_PROXY,
)
from lateen.control.analyze.selecting import DATAPLANE, INJECT, INJECTION, REVISION, proxy_image
from lateen.control.analyze.snapshot import ISTIO_NAMESPACE, Snapshot
from lateen.control.resources.kubernetes.plain import ConfigMap, Namespace
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.meta import Lenient, Resource

_INJECTOR = "istio-sidecar-injector"


class _Webhook(Lenient, frozen=True):
    enable_namespaces_by_default: bool = False


class _InjectorValues(Lenient, frozen=True):
    sidecar_injector_webhook: _Webhook = _Webhook()


def injection(resources: Snapshot) -> Iterator[Message]:
    """Looks at the labels of namespaces, and for sidecars in their pods."""
    injected = set()
    for namespace in resources.of(Namespace):
        if namespace.name == ISTIO_NAMESPACE:
            continue
        yield from _about_labels(namespace)
        if namespace.labels.get(DATAPLANE) == "ambient":
            continue
        if not namespace.labels.get(INJECTION) and REVISION not in namespace.labels:
            yield _about_missing(resources, namespace)
        elif namespace.labels.get(INJECTION) == "enabled":
            injected.add(namespace.name)
    for pod in resources.of(Pod):
        if pod.namespace in injected and _misses_proxy(pod):
            text = f"Pod {pod.namespace}/{pod.name} has no sidecar: restart it"
            yield about(POD_MISSING_PROXY, pod, text)


def _about_labels(namespace: Resource[Namespace]) -> Iterator[Message]:
    labels = namespace.labels
    said = [f"{INJECTION}={labels[INJECTION]}"] if INJECTION in labels else []
    if labels.get(INJECTION, "enabled") == "enabled":
        said += [f"{name}={labels[name]}" for name in (REVISION, DATAPLANE) if name in labels]
    if len(said) > 1:
        text = f"The labels {', '.join(said)} contradict each other: keep one"
        yield about(INJECTION_LABELS, namespace, text, ("metadata", "labels"))


def _about_missing(resources: Snapshot, namespace: Resource[Namespace]) -> Message:
    if _by_default(resources):
        text = "Pods get sidecars, as the injector is told to do so by default"
        return about(INJECTED_BY_DEFAULT, namespace, text)
    text = (
        f"Pods of the namespace get no sidecars: label it {INJECTION}=enabled, or "
        f"{INJECTION}=disabled if none are wanted"
    )
    return about(NAMESPACE_NOT_INJECTED, namespace, text)


def _by_default(resources: Snapshot) -> bool:
    for one in resources.of(ConfigMap):
        if one.name == _INJECTOR:
            try:
                values = msgspec.json.decode(one.spec.data.get("values", ""), type=_InjectorValues)
            except (msgspec.MsgspecError, RecursionError):
                return False
            return values.sidecar_injector_webhook.enable_namespaces_by_default
    return False


def _misses_proxy(pod: Resource[Pod]) -> bool:
    said = pod.labels.get(INJECT, pod.annotations.get(INJECT, ""))
    spec = pod.spec.spec
    if said.lower() == "false" or spec.host_network:
        return False
    return not proxy_image((*spec.containers, *spec.init_containers))
