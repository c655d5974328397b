"""What a proxy does with calls of hosts that nobody knows.

Source: pilot/pkg/model/sidecar.go initSidecarScopeInternalIndexes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lateen.control.mesh_config import MeshConfig
from lateen.control.resources.destination_rule import ClientTls
from lateen.control.resources.sidecar import Sidecar
from lateen.control.resources.traffic import Destination


@dataclass(frozen=True)
class OutboundPolicy:
    """The policy.

    Attributes:
        mode: refused, passed on to the address that was called, or to where DNS says.
        egress_proxy: they are passed on to it instead.
        tls: spoken with hosts that DNS tells.
    """

    mode: Literal["REGISTRY_ONLY", "ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS"]
    egress_proxy: Destination | None = None
    tls: ClientTls | None = None

    @property
    def asks_dns(self) -> bool:
        """Whether DNS is asked for the hosts of requests."""
        return self.mode == "ALLOW_ANY_DYNAMIC_DNS"


def outbound_policy(sidecar: Sidecar | None, config: MeshConfig) -> OutboundPolicy:
    """What the proxy's Sidecar says, else the mesh."""
    said = sidecar.outbound_traffic_policy if sidecar is not None else None
    if said is not None:
        return OutboundPolicy(said.mode, said.egress_proxy)
    policy = config.outbound_traffic_policy
    return OutboundPolicy(policy.mode, tls=policy.tls)
