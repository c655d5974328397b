"""Subsets of destinations that no destination rule has.

Source: Istio pkg/config/analysis/analyzers/virtualservice/destinationrules.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.destinations import mirror_destinations, route_destinations
from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import NOT_FOUND
from lateen.control.analyze.services import fqdn
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.virtual_service import VirtualService


def destination_rules(resources: Snapshot) -> Iterator[Message]:
    """Looks for the subset of each destination."""
    known = {
        (fqdn(rule.spec.host, rule.namespace), subset.name)
        for rule in resources.of(DestinationRule)
        for subset in rule.spec.subsets
    }
    for service in resources.of(VirtualService):
        destinations = (*route_destinations(service.spec), *mirror_destinations(service.spec))
        for path, one in destinations:
            if one.subset and (fqdn(one.host, service.namespace), one.subset) not in known:
                text = f"No destination rule of {one.host} has a subset {one.subset}"
                yield about(NOT_FOUND, service, text, (*path, "subset"))
