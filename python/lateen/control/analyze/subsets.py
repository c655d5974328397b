"""Destination rules of hosts and subsets that nobody serves.

Source: Istio pkg/config/analysis/analyzers/destinationrule/subset.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lateen.control.analyze.kinds import Node
from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import SUBSET_WITHOUT_PODS, UNKNOWN_RULE_HOST
from lateen.control.analyze.selecting import spelled
from lateen.control.analyze.services import KnownHosts
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.model.locality import LEVELS, NODE
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.selectors import selects


def subsets(resources: Snapshot) -> Iterator[Message]:
    """Looks for the host of a rule, and for pods with the labels of its subsets."""
    hosts = KnownHosts(resources)
    pods = list(_labels_of_pods(resources))
    for rule in resources.of(DestinationRule):
        known = hosts.find(rule.spec.host, rule.namespace, rule.spec.export_to)
        if known is None:
            text = f"No service has the host {rule.spec.host}"
            yield about(UNKNOWN_RULE_HOST, rule, text, ("spec", "host"))
            continue
        for index, subset in enumerate(rule.spec.subsets):
            wanted = {**dict(known.selector), **subset.labels}
            if not any(selects(wanted, labels) for labels in pods):
                text = f"No pod is in subset {subset.name} ({spelled(wanted)}): its requests fail"
                yield about(SUBSET_WITHOUT_PODS, rule, text, ("spec", "subsets", index))


def _labels_of_pods(resources: Snapshot) -> Iterator[Mapping[str, str]]:
    nodes = {node.name: node.labels for node in resources.of(Node)}
    for pod in resources.of(Pod):
        node = pod.spec.spec.node_name
        labels = dict(pod.labels)
        labels.update(
            (name, value) for name, value in nodes.get(node, {}).items() if name in LEVELS
        )
        if node:
            labels[NODE] = node
        yield labels
