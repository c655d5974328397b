"""Which DestinationRule is for a host, of all that are: by namespace, host, export and selector.

Source: pilot/pkg/model/push_context.go (destinationRule, setDestinationRules),
destination_rule.go mergeDestinationRule, sidecar.go SidecarScope.DestinationRule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from lateen.control.export import EVERYWHERE, HERE
from lateen.control.model.hosts import full_name, most_specific
from lateen.control.model.service import Service
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects

Rule = Resource[DestinationRule]


@dataclass
class Merged:
    """Rules of one host, export and selector, which are one: the oldest, with what others add.

    Attributes:
        rule: the merged rule.
        export_to: as it is written; empty: as the mesh says.
    """

    rule: Rule
    export_to: frozenset[str]

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether it is for callers with these labels alone, and these have them."""
        selector = self.rule.spec.workload_selector
        return selector is not None and selects(selector.match_labels, labels)

    def add(self, rule: Rule) -> None:
        """Take in subsets of new names, and the policy where there is none."""
        spec = self.rule.spec
        known = {subset.name for subset in spec.subsets}
        more = tuple(subset for subset in rule.spec.subsets if subset.name not in known)
        policy = spec.traffic_policy or rule.spec.traffic_policy
        merged = msgspec.structs.replace(spec, subsets=spec.subsets + more, traffic_policy=policy)
        self.rule = replace(self.rule, spec=merged)


Hosts = Mapping[str, Sequence[Merged]]


@dataclass(frozen=True)
class DestinationRules:
    """All rules of a mesh.

    Attributes:
        root: the namespace whose rules are for everybody.
        own: by namespace and host, what callers of the same namespace may see.
        exported: by namespace and host, what others may see, too.
        private: by host, what only callers of the root namespace may see.
    """

    root: str
    own: Mapping[str, Hosts]
    exported: Mapping[str, Hosts]
    private: Hosts

    def of(self, service: Service, namespace: str, labels: Mapping[str, str]) -> Rule | None:
        """The rule of a service for callers with `labels` in `namespace`.

        The callers' own namespace comes first, then the service's, then the root. In each the most
        specific host counts; there a rule that selects the callers, then the last for all.
        """
        own = self.own.get(namespace, {}) if namespace != self.root else self.private
        found = most_specific(service.host, own)
        for owner in (service.namespace, self.root) if not found else ():
            there = most_specific(service.host, self.exported.get(owner, {})) or ()
            found = [one for one in there if _reaches(one.export_to, namespace)]
            if found:
                break
        return _chosen(found or (), namespace, labels)


def _chosen(found: Sequence[Merged], namespace: str, labels: Mapping[str, str]) -> Rule | None:
    for one in found:
        if one.rule.namespace == namespace and one.selects(labels):
            return one.rule
    for_all = [one.rule for one in found if one.rule.spec.workload_selector is None]
    return for_all[-1] if for_all else None


def _reaches(export_to: frozenset[str], namespace: str) -> bool:
    return not export_to or EVERYWHERE in export_to or namespace in export_to


def destination_rules(
    rules: Iterable[Rule], domain: str, root: str, default: Iterable[str]
) -> DestinationRules:
    """The rules by where they count.

    Args:
        rules: the oldest first.
        domain: of the cluster.
        root: the namespace whose rules are for everybody.
        default: where rules are exported to that do not say it: only `.` and `*` count.
    """
    own: defaultdict[str, dict[str, list[Merged]]] = defaultdict(dict)
    exported: defaultdict[str, dict[str, list[Merged]]] = defaultdict(dict)
    private: dict[str, list[Merged]] = {}
    for rule in sorted(rules, key=lambda one: one.spec.workload_selector is None):
        host = full_name(rule.spec.host, rule.namespace, domain)
        export_to = frozenset(rule.spec.export_to)
        if rule.spec.workload_selector is not None:
            export_to = frozenset((HERE,))
        if not export_to or export_to & {EVERYWHERE, HERE, rule.namespace}:
            _merge(own[rule.namespace].setdefault(host, []), rule, export_to)
        if export_to in ({HERE}, {rule.namespace}) or (not export_to and HERE in set(default)):
            if rule.namespace == root:
                _merge(private.setdefault(host, []), rule, export_to)
        else:
            _merge(exported[rule.namespace].setdefault(host, []), rule, export_to)
    return DestinationRules(root, own, exported, private)


def _merge(found: list[Merged], rule: Rule, export_to: frozenset[str]) -> None:
    """Add a rule to those of its host: rules of the same export and selector are one."""
    for one in found:
        same = one.rule.spec.workload_selector == rule.spec.workload_selector
        if same and one.export_to == export_to:
            one.add(rule)
            return
    found.append(Merged(rule, export_to))
