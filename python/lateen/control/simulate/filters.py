"""What the filters of a chain make of a call, up to the one that passes it on.

Filters that change nothing of the way, such as statistics, are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lateen.control.simulate.call import Call, Request, Tls
from lateen.control.simulate.clusters import Target, target_of, weighted
from lateen.control.simulate.configuration import Configuration
from lateen.control.simulate.rbac import judge
from lateen.control.simulate.routes import route_of, virtual_host_of
from lateen.control.simulate.steps import Lost, Path, Step
from lateen.control.translate import api
from lateen.protos import envoy_types

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_components_pb2 import FilterChain
    from envoy.config.route.v3.route_components_pb2 import Route, RouteAction
    from envoy.config.route.v3.route_pb2 import RouteConfiguration
    from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import JwtAuthentication
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )
    from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
    from envoy.type.v3.percent_pb2 import FractionalPercent
    from google.protobuf.any_pb2 import Any
    from google.protobuf.message import Message

_MOVED = 301
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_ALPN = "istio.alpn"
_FAULT = "envoy.filters.http.fault"
_PERCENT = {"HUNDRED": 1, "TEN_THOUSAND": 100, "MILLION": 10_000}


@dataclass(frozen=True)
class Onward:
    """The call as the next one gets it.

    Attributes:
        target: where it goes.
        request: as routes changed it; None: it is no HTTP.
    """

    target: Target
    request: Request | None


@dataclass(frozen=True)
class Filters:
    """The walk through filters.

    Attributes:
        configuration: of the proxy.
        identity: of the proxy, which it shows in mutual TLS.
        path: is told every decision.
        share: from 0 up to 1, where among weights the call is.
    """

    configuration: Configuration
    identity: str
    path: Path
    share: float = 0.0

    def of_chain(self, chain: FilterChain, call: Call) -> Onward | None:
        """What becomes of a call; None: it ends here."""
        for found in chain.filters:
            message = unpacked(found.typed_config)
            if isinstance(message, api.NetworkRbac):
                if message.HasField("rules") and not judge(message.rules, call, self.path):
                    return None
            elif isinstance(message, api.TcpProxy):
                return self._tcp(message, call)
            elif isinstance(message, api.HttpConnectionManager):
                return self._http(message, call)
        self.path.refuse("the chain has no filter that passes calls on")
        return None

    def _tcp(self, proxy: TcpProxy, call: Call) -> Onward | None:
        several = [(one.name, one.weight) for one in proxy.weighted_clusters.clusters]
        name = self._weighted(several) if several else proxy.cluster
        target = target_of(self.configuration, name, call, self.identity, self.path)
        return Onward(target, call.request) if target is not None else None

    def _weighted(self, several: list[tuple[str, int]]) -> str:
        name, lost, why = weighted(several, self.share)
        self.path.add(Step("weight", name, why, lost))
        return name

    def _http(self, manager: hcm.HttpConnectionManager, call: Call) -> Onward | None:
        request = call.request
        if request is None:
            self.path.refuse("the chain reads HTTP, and the call is none: it is closed")
            return None
        if not all(self._passes(one.typed_config, call) for one in manager.http_filters):
            return None
        route = self._route(manager, call, request)
        if route is None or not self._goes_on(route):
            return None
        name = self._cluster(route.route)
        target = target_of(self.configuration, name, call, self.identity, self.path)
        if target is None:
            return None
        if any(one.name == _ALPN for one in manager.http_filters):
            target = announced(target, request)
        return Onward(target, changed(request, route))

    def _route(
        self, manager: hcm.HttpConnectionManager, call: Call, request: Request
    ) -> Route | None:
        table = self._table(manager)
        host = virtual_host_of(table, request, self.path) if table is not None else None
        if host is None:
            return None
        if host.require_tls and call.tls is None:
            self.path.refuse("the virtual host wants TLS and answers 301", _MOVED)
            return None
        return route_of(host, call, request, self.path)

    def _table(self, manager: hcm.HttpConnectionManager) -> RouteConfiguration | None:
        if manager.WhichOneof("route_specifier") == "route_config":
            return manager.route_config
        name = manager.rds.route_config_name
        self.path.add(Step("route table", name))
        found = self.configuration.table(name)
        if found is None:
            self.path.refuse(f"there is no route table {name}", _NOT_FOUND)
        return found

    def _passes(self, packed: Any, call: Call) -> bool:
        message = unpacked(packed)
        if isinstance(message, api.HttpRbac):
            return not message.HasField("rules") or judge(message.rules, call, self.path)
        if isinstance(message, api.JwtAuthentication):
            return self._authenticates(message, call)
        return True

    def _authenticates(self, tokens: JwtAuthentication, call: Call) -> bool:
        issuers = [one.issuer for one in tokens.providers.values()]
        if call.claims is None:
            self.path.add(Step("token", "", "there is none, which policies may refuse"))
            return True
        issuer = call.claims.get("iss")
        if issuer in issuers:
            self.path.add(Step("token", str(issuer), "its issuer is known"))
            return True
        lost = [Lost(one, "another issuer") for one in issuers]
        self.path.add(Step("token", str(issuer), "its issuer is not known", lost))
        self.path.refuse("Jwt issuer is not configured", _UNAUTHORIZED)
        return False

    def _goes_on(self, route: Route) -> bool:
        """Tell what the route does itself; False: it answers."""
        for told in _faults(route.typed_per_filter_config):
            self.path.add(Step("fault", told))
        action = route.WhichOneof("action")
        if action == "direct_response":
            status = route.direct_response.status
            self.path.refuse(f"the route answers {status} itself", status)
        elif action == "redirect":
            code = route.redirect.response_code
            status = {0: 301, 1: 302, 2: 303, 3: 307, 4: 308}[code]
            self.path.refuse(f"the route answers {status}: call another URL", status)
        return route.HasField("route")

    def _cluster(self, action: RouteAction) -> str:
        for mirror in action.request_mirror_policies:
            self.path.add(Step("mirror", mirror.cluster))
        if not action.HasField("weighted_clusters"):
            return action.cluster
        clusters = action.weighted_clusters.clusters
        return self._weighted([(one.name, one.weight.value) for one in clusters])


def unpacked(packed: Any) -> Message | None:
    """The message, of the types that decide anything; None for others."""
    name = packed.type_url.rpartition("/")[2]
    kinds: Iterable[Callable[[], Message]] = (
        api.NetworkRbac,
        api.TcpProxy,
        api.HttpConnectionManager,
        api.HttpRbac,
        api.JwtAuthentication,
    )
    if all(name != kind().DESCRIPTOR.full_name for kind in kinds):
        return None
    return envoy_types().unpack(packed)


def announced(target: Target, request: Request) -> Target:
    """As Istio's ALPN filter has it: peers of the mesh are told that it is HTTP."""
    if target.tls is None or "istio" not in target.tls.alpn:
        return target
    protocol = "istio-h2" if request.http2 or "h2" in target.tls.alpn else "istio-http/1.1"
    tls = Tls(target.tls.sni, (protocol, *target.tls.alpn), target.tls.identity)
    return replace(target, tls=tls)


def changed(request: Request, route: Route) -> Request:
    """The request as the route passes it on: host, path and headers that it sets."""
    action, match = route.route, route.match
    path = request.path
    if action.prefix_rewrite:
        matched = match.prefix or match.path or match.path_separated_prefix
        path = action.prefix_rewrite + path[len(matched) :]
    headers = {**request.headers}
    for name in route.request_headers_to_remove:
        headers.pop(name.lower(), None)
    for option in route.request_headers_to_add:
        headers[option.header.key.lower()] = option.header.value
    host = action.host_rewrite_literal or request.host
    return replace(request, host=host, path=path, headers=headers)


def _faults(configs: Mapping[str, Any]) -> Iterable[str]:
    if _FAULT not in configs:
        return
    fault = api.HttpFault()
    fault.ParseFromString(configs[_FAULT].value)
    if fault.HasField("delay"):
        share = _percent(fault.delay.percentage)
        yield f"{share:g} % wait {fault.delay.fixed_delay.ToTimedelta().total_seconds():g} s"
    if fault.HasField("abort"):
        share = _percent(fault.abort.percentage)
        said = fault.abort.http_status or f"gRPC {fault.abort.grpc_status}"
        yield f"{share:g} % are answered {said}"


def _percent(share: FractionalPercent) -> float:
    return share.numerator / _PERCENT[share.DenominatorType.Name(share.denominator)]
