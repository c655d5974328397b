"""Gateways that share a certificate, whose connections of HTTP/2 clients mix up.

Source: Istio pkg/config/analysis/analyzers/gateway/certificate.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import DUPLICATE_CERTIFICATE
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.gateway import Gateway
from lateen.control.resources.selectors import selects
from lateen.control.resources.traffic import ServerTls


def gateway_certificates(resources: Snapshot) -> Iterator[Message]:
    """Compares the certificates of gateways whose pods may be the same."""
    gateways = resources.of(Gateway)
    for gateway in gateways:
        for other in gateways:
            shared = other is not gateway and selects(gateway.spec.selector, other.spec.selector)
            if shared and _share_certificate(gateway.spec, other.spec):
                text = (
                    f"{other.key} has the same certificate: clients that reuse a connection of "
                    "HTTP/2 may get 404, so put the hosts into one gateway"
                )
                yield about(DUPLICATE_CERTIFICATE, gateway, text)


def _share_certificate(one: Gateway, other: Gateway) -> bool:
    return any(
        _is_same(first.tls, second.tls)
        for first in one.servers
        for second in other.servers
        if first.tls is not None and second.tls is not None
    )


def _is_same(one: ServerTls, other: ServerTls) -> bool:
    if one.credential_name or other.credential_name:
        return one.credential_name == other.credential_name
    files = (one.server_certificate, one.private_key)
    return all(files) and files == (other.server_certificate, other.private_key)
