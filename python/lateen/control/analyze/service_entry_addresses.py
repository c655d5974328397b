"""Service entries of plain TCP without an address.

Source: Istio pkg/config/analysis/analyzers/serviceentry/protocoladdresses.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import ADDRESSES_REQUIRED
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.meta import Resource
from lateen.control.resources.service_entry import ServiceEntry

_CAPTURE = "ISTIO_META_DNS_CAPTURE"
_ALLOCATE = ("ISTIO_META_DNS_AUTO_ALLOCATE", "PILOT_ENABLE_IP_AUTOALLOCATE")


def service_entry_addresses(resources: Snapshot) -> Iterator[Message]:
    """Looks at ports that nothing but an address tells from others."""
    metadata = resources.settings.default_config.proxy_metadata
    captured = metadata.get(_CAPTURE) == "true"
    if captured and any(metadata.get(name) == "true" for name in _ALLOCATE):
        return
    for entry in resources.of(ServiceEntry):
        if entry.spec.addresses or _has_allocated(entry):
            continue
        for index, port in enumerate(entry.spec.ports):
            if port.protocol.upper() in ("", "TCP"):
                text = f"Port {port.number} takes all TCP at that port: set addresses"
                yield about(ADDRESSES_REQUIRED, entry, text, ("spec", "ports", index))


def _has_allocated(entry: Resource[ServiceEntry]) -> bool:
    tree = entry.source.tree
    status = tree.get("status") if isinstance(tree, dict) else None
    return isinstance(status, dict) and bool(status.get("addresses"))
