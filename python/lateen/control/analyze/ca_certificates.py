"""Destination rules that speak TLS with servers that nobody verifies.

Source: Istio pkg/config/analysis/analyzers/destinationrule/ca-certificates.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import UNVERIFIED_HOST, UNVERIFIED_PORT
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.destination_rule import ClientTls, DestinationRule


def ca_certificates(resources: Snapshot) -> Iterator[Message]:
    """Looks at TLS of mode SIMPLE and MUTUAL without caCertificates."""
    for rule in resources.of(DestinationRule):
        policy = rule.spec.traffic_policy
        if policy is None:
            continue
        at = ("spec", "trafficPolicy")
        if _is_unverified(policy.tls, rule.spec):
            text = _text(rule.spec, policy.tls)
            yield about(UNVERIFIED_HOST, rule, text, (*at, "tls"))
        for index, port in enumerate(policy.port_level_settings):
            if _is_unverified(port.tls, rule.spec):
                number = port.port.number if port.port is not None else 0
                text = f"{_text(rule.spec, port.tls)} (port {number})"
                path = (*at, "portLevelSettings", index, "tls")
                yield about(UNVERIFIED_PORT, rule, text, path)


def _is_unverified(tls: ClientTls | None, rule: DestinationRule) -> bool:
    if tls is None or tls.mode not in ("SIMPLE", "MUTUAL") or tls.ca_certificates:
        return False
    # Only rules of selected workloads take certificates from secrets.
    return not (tls.credential_name and rule.workload_selector is not None)


def _text(rule: DestinationRule, tls: ClientTls | None) -> str:
    mode = tls.mode if tls is not None else ""
    return f"TLS {mode} to {rule.host} does not verify the server: set caCertificates"
