"""The policies that choose hosts."""

from __future__ import annotations

from lateen.proxy.compile.load_balancing import (
    client_side_weighted_round_robin,
    least_request,
    maglev,
    random,
    ring_hash,
    round_robin,
)
from lateen.proxy.compile.load_balancing.policy import Policy

POLICIES: tuple[Policy, ...] = (
    round_robin.POLICY,
    least_request.POLICY,
    random.POLICY,
    ring_hash.POLICY,
    maglev.POLICY,
    client_side_weighted_round_robin.POLICY,
)

BY_NAME = {policy.name: policy for policy in POLICIES if policy.name}
BY_TYPE = {policy.type: policy for policy in POLICIES}
