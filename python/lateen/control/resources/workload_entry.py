"""WorkloadEntry: an endpoint outside Kubernetes.

Source: istio/api networking/v1alpha3/workload_entry.proto.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from lateen.control.resources.meta import Strict
from lateen.control.resources.scalars import UInt32


class WorkloadEntry(Strict, frozen=True):
    """What `spec` holds."""

    address: Annotated[str, Meta(max_length=256)] = ""
    ports: Annotated[dict[str, UInt32], Meta(max_length=128)] = {}
    labels: Annotated[dict[str, str], Meta(max_length=256)] = {}
    network: Annotated[str, Meta(max_length=2048)] = ""
    locality: Annotated[str, Meta(max_length=2048)] = ""
    weight: UInt32 = 0
    service_account: Annotated[str, Meta(max_length=253)] = ""
