"""WorkloadEntry: an endpoint outside Kubernetes.

Source: istio/api networking/v1alpha3/workload_entry.proto.
"""

from __future__ import annotations

from lateen.control.resources.meta import Strict
from lateen.control.resources.scalars import UInt32


class WorkloadEntry(Strict, frozen=True):
    """What `spec` holds."""

    address: str = ""
    ports: dict[str, UInt32] = {}
    labels: dict[str, str] = {}
    network: str = ""
    locality: str = ""
    weight: UInt32 = 0
    service_account: str = ""
