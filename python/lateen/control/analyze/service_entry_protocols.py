"""Service entries of one host and port with different protocols.

Source: Istio pkg/config/analysis/analyzers/serviceentry/conflictingserviceentries.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import CONFLICTING_PROTOCOLS
from lateen.control.analyze.services import EVERYWHERE, scopes
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.meta import Resource
from lateen.control.resources.service_entry import ServiceEntry

_Said = list[tuple[str, Resource[ServiceEntry]]]


def service_entry_protocols(resources: Snapshot) -> Iterator[Message]:
    """Compares the protocols of ports that some namespace sees together."""
    said: dict[tuple[str, str, int], _Said] = defaultdict(list)
    for entry in resources.of(ServiceEntry):
        for scope in scopes(entry.spec.export_to, entry.namespace):
            for host in entry.spec.hosts:
                for port in entry.spec.ports:
                    said[scope, host, port.number].append((port.protocol.upper(), entry))
    told: set[str] = set()
    for (scope, host, number), of_scope in list(said.items()):
        everywhere = [] if scope == EVERYWHERE else said.get((EVERYWHERE, host, number), [])
        together = [*of_scope, *everywhere]
        protocols = sorted({protocol for protocol, _ in together})
        if len(protocols) < 2:
            continue
        names = ", ".join(sorted({f"{one.namespace}/{one.name}" for _, one in together}))
        for _, entry in together:
            if str(entry.key) not in told:
                told.add(str(entry.key))
                said_of = " and ".join(one or "(unset)" for one in protocols)
                text = f"Port {number} of {host} is {said_of} in {names}: use one protocol"
                yield about(CONFLICTING_PROTOCOLS, entry, text)
