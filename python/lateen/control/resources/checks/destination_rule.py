"""What a DestinationRule must be.

Source: Istio pkg/config/validation/validation.go ValidateDestinationRule.
"""

from __future__ import annotations

from collections.abc import Sequence

from lateen.control.resources.checks.names import check_domain, check_labels, check_subset_name
from lateen.control.resources.checks.selectors import check_label_selector
from lateen.control.resources.checks.traffic_policy import check_traffic_policy
from lateen.control.resources.checks.values import check_export_to
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource


def check_destination_rule(resource: Resource[DestinationRule], at: Field) -> None:
    """Note what is wrong with it."""
    rule, namespace = resource.spec, resource.namespace
    check_domain(at / "host", rule.host, wildcard=True)
    check_traffic_policy(at / "trafficPolicy", namespace, rule.traffic_policy)
    seen: set[str] = set()
    for place, subset in (at / "subsets").each(rule.subsets):
        check_subset_name(place / "name", subset.name)
        if subset.name in seen:
            (place / "name").error(f"there are two subsets {subset.name!r}", "rename one")
        seen.add(subset.name)
        check_labels(place / "labels", subset.labels)
        check_traffic_policy(place / "trafficPolicy", namespace, subset.traffic_policy)
    check_export_to(at / "exportTo", namespace, rule.export_to)
    if rule.workload_selector is not None:
        _check_own_export(at / "exportTo", namespace, rule.export_to)
    check_label_selector(at / "workloadSelector", rule.workload_selector)


def _check_own_export(at: Field, namespace: str, exports: Sequence[str]) -> None:
    """A rule for some workloads is for those of its namespace."""
    if any(export not in (".", namespace) for export in exports):
        at.error(
            "with a workloadSelector the rule is for its own namespace alone", "write [.], or none"
        )
