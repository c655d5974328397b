"""Localities by their weight, and their hosts by the load that they report.

Source: envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.proto; errors as in
Envoy 1.40.
"""

from __future__ import annotations

from lateen.config.support import Fields
from lateen.proxy.compile.load_balancing.policy import CATEGORY

TYPE = "envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality"

SUPPORT = (Fields(TYPE, implemented="endpoint_picking_policy", category=CATEGORY),)

NO_POLICY = "No supported endpoint picking policy."
OTHER_POLICY = (
    "Currently WrrLocalityLoadBalancer only supports ClientSideWeightedRoundRobinLoadBalancer as"
    " its endpoint picking policy."
)
