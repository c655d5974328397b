"""Which workloads or proxies a resource is about, and what its hosts and namespaces match.

Source: istio/api type/v1beta1/selector.proto, networking/v1 Sidecar's WorkloadSelector.
"""

from __future__ import annotations

from collections.abc import Mapping

from lateen.control.resources.meta import Strict


class WorkloadSelector(Strict, frozen=True):
    """Workloads by labels, in networking.istio.io: all of `labels` must be there."""

    labels: dict[str, str] = {}


class LabelSelector(Strict, frozen=True):
    """Workloads by labels, in the other groups."""

    match_labels: dict[str, str] = {}


class PolicyTargetReference(Strict, frozen=True):
    """A resource that a policy is attached to."""

    kind: str
    name: str
    group: str = ""
    namespace: str = ""


def selects(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a workload with `labels` has all that are wanted; none wanted: any workload."""
    return all(labels.get(name) == value for name, value in wanted.items())
