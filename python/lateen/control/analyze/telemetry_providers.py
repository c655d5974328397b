"""Access logs without a provider.

Source: Istio pkg/config/analysis/analyzers/telemetry/providers.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import NO_PROVIDER
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.telemetry import Telemetry


def telemetry_providers(resources: Snapshot) -> Iterator[Message]:
    """Looks for providers of access logs."""
    if resources.settings.default_providers.access_logging:
        return
    for telemetry in resources.of(Telemetry):
        for index, logging in enumerate(telemetry.spec.access_logging):
            if not logging.disabled and not logging.providers:
                text = "The access log has no provider, and the mesh none by default: name one"
                yield about(NO_PROVIDER, telemetry, text, ("spec", "accessLogging", index))
