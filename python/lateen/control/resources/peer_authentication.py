"""PeerAuthentication: whether callers need mTLS.

Source: istio/api security/v1beta1/peer_authentication.proto.
"""

from __future__ import annotations

from typing import Literal

from lateen.control.resources.meta import Strict
from lateen.control.resources.selectors import LabelSelector

Mode = Literal["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]


class MutualTls(Strict, frozen=True):
    """The mode; UNSET takes that of what is around."""

    mode: Mode = "UNSET"


class PeerAuthentication(Strict, frozen=True):
    """What `spec` holds."""

    selector: LabelSelector | None = None
    mtls: MutualTls | None = None
    port_level_mtls: dict[int, MutualTls] = {}
