"""WorkloadEntry: an endpoint outside Kubernetes.

Source: istio/api networking/v1alpha3/workload_entry.proto.
"""

from __future__ import annotations

from lateen.control.resources.meta import Strict


class WorkloadEntry(Strict, frozen=True):
    """What `spec` holds."""

    address: str = ""
    ports: dict[str, int] = {}
    labels: dict[str, str] = {}
    network: str = ""
    locality: str = ""
    weight: int = 0
    service_account: str = ""
