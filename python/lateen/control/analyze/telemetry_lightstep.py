"""Telemetries that trace with Lightstep's own provider, which Istio gives up.

Source: Istio pkg/config/analysis/analyzers/telemetry/lightstep.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import DEPRECATED
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.telemetry import Telemetry


def telemetry_lightstep(resources: Snapshot) -> Iterator[Message]:
    """Looks for the mesh's Lightstep providers in traces."""
    providers = resources.settings.extension_providers
    names = {one.name for one in providers if one.lightstep is not None}
    for telemetry in resources.of(Telemetry):
        for index, tracing in enumerate(telemetry.spec.tracing):
            for number, provider in enumerate(tracing.providers):
                if provider.name in names:
                    path = ("spec", "tracing", index, "providers", number)
                    text = f"Provider {provider.name} (lightstep) is deprecated: use opentelemetry"
                    yield about(DEPRECATED, telemetry, text, path)
