"""Selectors of workloads, and resources that policies are attached to.

Source: Istio pkg/config/validation/validation.go; CRD rules of istio/api type/v1beta1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol as Shape

from lateen.control.resources.field import Field
from lateen.control.resources.selectors import (
    LabelSelector,
    PolicyTargetReference,
    WorkloadSelector,
)

_LONGEST_VALUE = 63
_MOST_LABELS = 4096
_MOST_TARGETS = 16
_GROUP = re.compile(r"|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_TARGETS = (
    ("", "Service"),
    ("core", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
)


class Attached(Shape):
    """A policy that selects workloads, or is attached to resources."""

    @property
    def selector(self) -> LabelSelector | None:
        """The workloads."""

    @property
    def target_ref(self) -> PolicyTargetReference | None:
        """The resource."""

    @property
    def target_refs(self) -> tuple[PolicyTargetReference, ...]:
        """The resources."""


def check_attachment(at: Field, policy: Attached) -> None:
    """Note what is wrong with where a policy applies."""
    at.at_most_one("selector", "targetRef", "targetRefs")
    check_label_selector(at / "selector", policy.selector)
    if policy.target_ref is not None:
        _check_target(at / "targetRef", policy.target_ref)
    if len(policy.target_refs) > _MOST_TARGETS:
        (at / "targetRefs").error(f"there are more than {_MOST_TARGETS}", "split the policy")
    for place, target in (at / "targetRefs").each(policy.target_refs):
        _check_target(place, target)


def check_label_selector(at: Field, selector: LabelSelector | None) -> None:
    """Note wildcards and empty names; None: it is not set."""
    if selector is not None:
        _check_wanted(at / "matchLabels", selector.match_labels)
        if not selector.match_labels:
            at.warn("the selector has no labels", "remove it: it selects every workload")


def check_workload_selector(at: Field, selector: WorkloadSelector | None) -> None:
    """Note wildcards and empty names; None: it is not set."""
    if selector is not None:
        _check_wanted(at / "labels", selector.labels)
        if not selector.labels:
            at.warn("the selector has no labels", "without it, it is about the whole namespace")


def _check_wanted(at: Field, labels: Mapping[str, str]) -> None:
    if len(labels) > _MOST_LABELS:
        at.error(f"there are more than {_MOST_LABELS} labels")
    for place, name, value in at.entries(labels):
        if not name:
            place.error("a label without a name", "remove it")
        if "*" in name or "*" in value:
            place.error(f"{name}={value}: a selector has no wildcards", "name the value")
        if len(value) > _LONGEST_VALUE:
            place.error(f"a label's value has {_LONGEST_VALUE} letters at most", "shorten it")


def _check_target(at: Field, target: PolicyTargetReference) -> None:
    if not target.name:
        (at / "name").error("the resource has no name", "say its name")
    if target.namespace:
        (at / "namespace").error("a resource of another namespace cannot be named", "remove it")
    if not _GROUP.fullmatch(target.group) or (target.group, target.kind) not in _TARGETS:
        known = ", ".join(f"{group}/{kind}" for group, kind in _TARGETS[1:])
        at.error(f"a policy cannot be attached to {target.group}/{target.kind}", f"one of {known}")
