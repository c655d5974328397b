"""Annotations of Istio's that are unknown, misplaced, deprecated or wrong.

Source: Istio pkg/config/analysis/analyzers/annotations/annotations.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.config.diagnostics import nearest
from lateen.control.analyze.annotation_table import ANNOTATIONS, ANY
from lateen.control.analyze.annotation_values import value_problem
from lateen.control.analyze.kinds import Deployment
from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import (
    DEPRECATED_ANNOTATION,
    INVALID_ANNOTATION,
    MISPLACED_ANNOTATION,
    UNKNOWN_ANNOTATION,
)
from lateen.control.analyze.selecting import INJECT
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.kubernetes.plain import Namespace
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.kubernetes.service import Service
from lateen.control.resources.meta import Resource

_KINDS = (Namespace, Service, Pod, Deployment)
_INGRESS_CLASS = "kubernetes.io/ingress.class"
# Set by Istio itself.
_AUTOMATIC = frozenset(
    ("sidecar.istio.io/status", "gateway.istio.io/controller-version", "istio.io/rev")
)


def istio_annotations(resources: Snapshot) -> Iterator[Message]:
    """Looks at the annotations of Kubernetes' kinds."""
    for kind in _KINDS:
        for resource in resources.of(kind):
            for name, value in resource.annotations.items():
                if _is_istios(name) and name not in _AUTOMATIC:
                    yield from _about_annotation(resource, name, value)


def _is_istios(name: str) -> bool:
    return name == _INGRESS_CLASS or name.partition("/")[0].endswith("istio.io")


def _about_annotation(resource: Resource[object], name: str, value: str) -> Iterator[Message]:
    path = ("metadata", "annotations", name)
    known = ANNOTATIONS.get(name)
    if known is None:
        hint = nearest(name, ANNOTATIONS)
        text = f"Unknown annotation {name}" + (f" ({hint})" if hint else "")
        yield about(UNKNOWN_ANNOTATION, resource, text, path)
        return
    if known.deprecated and not (name == INJECT and INJECT in resource.labels):
        instead = ": use the label of that name" if name == INJECT else ""
        text = f"Annotation {name} is deprecated{instead}"
        yield about(DEPRECATED_ANNOTATION, resource, text, path)
    if ANY in known.kinds:
        return
    if resource.key.kind not in known.kinds:
        text = f"Annotation {name} has no effect here, but on {', '.join(known.kinds)}"
        yield about(MISPLACED_ANNOTATION, resource, text, path)
    elif problem := value_problem(name, value):
        yield about(INVALID_ANNOTATION, resource, f"Annotation {name}: {problem}", path)
