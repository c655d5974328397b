"""What of a request decides its endpoint, as destination rules say.

Source: pilot/pkg/networking/core/route/route.go ConsistentHashToHashPolicy, HashForHTTPDestination.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.resources.destination_rule import ConsistentHash, DestinationRule
from lateen.control.translate import api
from lateen.control.translate.clusters import policy
from lateen.control.translate.values import duration

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RouteAction


def hash_of(rule: DestinationRule | None, subset: str, port: int) -> ConsistentHash | None:
    """What a rule says of a port of a service or of a subset."""
    if rule is None:
        return None
    found = next((one for one in rule.subsets if one.name == subset), None)
    said = policy.of_subset(rule.traffic_policy, found.traffic_policy if found else None, port)
    return said.load_balancer.consistent_hash if said.load_balancer is not None else None


def hash_policy(by: ConsistentHash | None) -> RouteAction.HashPolicy | None:
    """The policy of a route; None: nothing decides."""
    if by is None:
        return None
    made = api.RouteAction.HashPolicy()
    if by.http_header_name is not None:
        made.header.header_name = by.http_header_name
    elif by.http_cookie is not None:
        cookie = by.http_cookie
        made.cookie.name = cookie.name
        made.cookie.path = cookie.path
        if cookie.ttl is not None:
            made.cookie.ttl.CopyFrom(duration(cookie.ttl))
        for attribute in cookie.attributes:
            made.cookie.attributes.add(name=attribute.name, value=attribute.value)
    elif by.use_source_ip is not None:
        made.connection_properties.source_ip = by.use_source_ip
    elif by.http_query_parameter_name is not None:
        made.query_parameter.name = by.http_query_parameter_name
    else:
        return None
    return made
