"""What the control plane counts, under Istio's names.

Source: pilot/pkg/xds/monitoring.go, pilot/pkg/model/push_context.go.
"""

from __future__ import annotations

import time
from collections import Counter as Counts
from collections.abc import Iterable

from lateen.control.exposition import Counter, Gauge, Histogram, render
from lateen.control.mesh import Mesh
from lateen.control.registry.changes import ENDPOINT_KINDS
from lateen.control.resources.meta import Key
from lateen.control.resources.virtual_service import VirtualService
from lateen.xds.resource_types import resource_type

_SECONDS = (0.01, 0.1, 1, 3, 5, 10, 20, 30)
_QUEUED = (0.1, 0.5, 1, 3, 5, 10, 20, 30)
_CONTEXT = (0.01, 0.1, 0.5, 1, 3, 5)
_BYTES = (1, 10_000, 1_000_000, 4_000_000, 10_000_000, 40_000_000)
_TYPE = "type"
_UPDATES = {"Service": "svc", "ServiceEntry": "svc", **dict.fromkeys(ENDPOINT_KINDS, "eds")}
_TRIGGERS = {"config": "config", "svc": "service", "eds": "endpoint"}


class Metrics:
    """The metrics of one control plane."""

    def __init__(self) -> None:
        self.clients = Gauge("pilot_xds", "Streams of proxies that are open.")
        self.pushes = Counter("pilot_xds_pushes", "Answers that proxies were sent.", _TYPE)
        self.push_time = Histogram(
            "pilot_xds_push_time", "Seconds until a proxy had taken an answer.", _SECONDS, _TYPE
        )
        self.config_size = Histogram(
            "pilot_xds_config_size_bytes", "Sizes of answers.", _BYTES, _TYPE
        )
        self.convergence = Histogram(
            "pilot_proxy_convergence_time",
            "Seconds from a change until a proxy had been sent all that it needs of it.",
            _QUEUED,
        )
        self.queue_time = Histogram(
            "pilot_proxy_queue_time",
            "Seconds that a proxy waited for its turn to be sent a change.",
            _QUEUED,
        )
        self.rejects = Counter("pilot_total_xds_rejects", "Answers that were refused.", _TYPE)
        self.expired_nonce = Counter(
            "pilot_xds_expired_nonce", "Requests about an answer that is not the last.", _TYPE
        )
        self.debounce = Histogram(
            "pilot_debounce_time", "Seconds from a change until it was acted upon.", _SECONDS
        )
        self.context_init = Histogram(
            "pilot_pushcontext_init_seconds", "Seconds to work a change out.", _CONTEXT
        )
        self.triggers = Counter("pilot_push_triggers", "Reasons for pushes.", _TYPE)
        self.updates = Counter("pilot_inbound_updates", "Changes of resources.", _TYPE)
        self.services = Gauge("pilot_services", "Services of the mesh.")
        self.virtual_services = Gauge("pilot_virt_services", "Virtual services of the mesh.")
        self.without_endpoints = Gauge("pilot_eds_no_instances", "Services without endpoints.")

    def text(self) -> str:
        """Every metric, as Prometheus reads it."""
        return render(vars(self).values())

    def of_mesh(self, mesh: Mesh) -> None:
        """Say how large the mesh is."""
        self.services.set(len(mesh.services))
        self.virtual_services.set(len(mesh.of(VirtualService)))
        self.without_endpoints.set(sum(not endpoints for endpoints in mesh.endpoints.values()))

    def changed(self, keys: Iterable[Key]) -> None:
        """Resources have changed, which pushes follow."""
        kinds = Counts(_UPDATES.get(key.kind, "config") for key in keys)
        for kind, count in kinds.items():
            self.updates.add(count, kind)
            self.triggers.add(1, _TRIGGERS[kind])

    def pushed(self, type_url: str, size: int, began: float) -> None:
        """An answer was taken by a proxy; `began` is when the monotonic clock told."""
        short = short_name(type_url)
        self.pushes.add(label=short)
        self.config_size.observe(size, short)
        self.push_time.observe(time.monotonic() - began, short)


def short_name(type_url: str) -> str:
    """What Istio's metrics call a type: `cds`, or its URL when it is none of xDS."""
    known = resource_type(type_url)
    return known.short if known is not None else type_url
