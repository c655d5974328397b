"""ServiceEntry: a service that no registry knows.

Source: istio/api networking/v1alpha3/service_entry.proto.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from lateen.control.resources.meta import Strict
from lateen.control.resources.selectors import WorkloadSelector
from lateen.control.resources.traffic import Port
from lateen.control.resources.workload_entry import WorkloadEntry

Resolution = Literal["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"]


class ServiceEntry(Strict, frozen=True):
    """What `spec` holds."""

    hosts: Annotated[tuple[str, ...], Meta(max_length=256)]
    addresses: Annotated[tuple[str, ...], Meta(max_length=256)] = ()
    ports: Annotated[tuple[Port, ...], Meta(max_length=256)] = ()
    location: Literal["MESH_EXTERNAL", "MESH_INTERNAL"] = "MESH_EXTERNAL"
    resolution: Resolution = "NONE"
    endpoints: Annotated[tuple[WorkloadEntry, ...], Meta(max_length=4096)] = ()
    workload_selector: WorkloadSelector | None = None
    export_to: tuple[str, ...] = ()
    subject_alt_names: tuple[str, ...] = ()
