"""ServiceEntry: a service that no registry knows.

Source: istio/api networking/v1alpha3/service_entry.proto.
"""

from __future__ import annotations

from typing import Literal

from lateen.control.resources.meta import Strict
from lateen.control.resources.selectors import WorkloadSelector
from lateen.control.resources.traffic import Port
from lateen.control.resources.workload_entry import WorkloadEntry

Resolution = Literal["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"]


class ServiceEntry(Strict, frozen=True):
    """What `spec` holds."""

    hosts: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    location: Literal["MESH_EXTERNAL", "MESH_INTERNAL"] = "MESH_EXTERNAL"
    resolution: Resolution = "NONE"
    endpoints: tuple[WorkloadEntry, ...] = ()
    workload_selector: WorkloadSelector | None = None
    export_to: tuple[str, ...] = ()
    subject_alt_names: tuple[str, ...] = ()
