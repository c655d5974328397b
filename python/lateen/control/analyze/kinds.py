"""Kinds that are read for analysis alone, one line each; of their fields only a few."""

from __future__ import annotations

from lateen.control.resources.kind import Kind, kind
from lateen.control.resources.kinds import KINDS
from lateen.control.resources.kubernetes.pod import PodSpec
from lateen.control.resources.meta import Lenient


class TemplateMetadata(Lenient, frozen=True):
    """Metadata of pods that a deployment makes."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class PodTemplate(Lenient, frozen=True):
    """The pods that a deployment makes."""

    metadata: TemplateMetadata = TemplateMetadata()
    spec: PodSpec = PodSpec()


class Deployment(Lenient, frozen=True):
    """Pods by a template (Kubernetes apps/v1)."""

    template: PodTemplate = PodTemplate()


class Listener(Lenient, frozen=True):
    """A port of a gateway of the Gateway API."""

    hostname: str = ""


class KubernetesGateway(Lenient, frozen=True):
    """A gateway of the Gateway API."""

    listeners: tuple[Listener, ...] = ()


class CrdNames(Lenient, frozen=True):
    """Names of a custom kind."""

    kind: str = ""


class CustomResourceDefinition(Lenient, frozen=True):
    """A custom kind (Kubernetes apiextensions/v1)."""

    group: str = ""
    names: CrdNames = CrdNames()


class Node(Lenient, frozen=True):
    """Only its labels matter: they say where its pods are."""


_MORE: tuple[Kind, ...] = (
    kind("Deployment", "apps", ("v1",), Deployment),
    kind("Gateway", "gateway.networking.k8s.io", ("v1", "v1beta1"), KubernetesGateway),
    kind(
        "CustomResourceDefinition",
        "apiextensions.k8s.io",
        ("v1", "v1beta1"),
        CustomResourceDefinition,
        namespaced=False,
    ),
    kind("Node", "", ("v1",), Node, field="", namespaced=False),
)

ANALYZED = {**KINDS, **{(one.group, one.name): one for one in _MORE}}
"""Every kind that analyzers know, by group and name."""
