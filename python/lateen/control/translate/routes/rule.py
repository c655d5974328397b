"""The routes of a VirtualService for one proxy and port.

Source: pilot/pkg/networking/core/route/route.go BuildHTTPRoutesForVirtualService, TranslateRoute.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.control.model.hosts import gateway_name
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects
from lateen.control.resources.traffic import Percent
from lateen.control.resources.virtual_service import (
    HttpDestination,
    HttpMatch,
    HttpMirror,
    HttpRedirect,
    HttpRewrite,
    HttpRoute,
    VirtualService,
)
from lateen.control.translate import api
from lateen.control.translate.names import place
from lateen.control.translate.routes.destinations import Destinations
from lateen.control.translate.routes.faults import cors, fault, fraction, percent
from lateen.control.translate.routes.hashing import hash_policy
from lateen.control.translate.routes.headers import Changes
from lateen.control.translate.routes.matching import route_match, takes_everything
from lateen.control.translate.routes.retries import outbound_retries
from lateen.control.translate.values import duration, uint32

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import (
        DirectResponseAction,
        RedirectAction,
        Route,
        RouteAction,
    )

_FAULT = "envoy.filters.http.fault"
_CORS = "envoy.filters.http.cors"
_REDIRECTS = {
    0: "MOVED_PERMANENTLY",
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Rule:
    """A virtual service, as it is for one proxy.

    Attributes:
        resource: the virtual service.
        destinations: finds clusters, for the port that is called.
        gateways: those that the proxy is: `mesh` for a sidecar, else `NAMESPACE/NAME`.
        is_tls: whether requests come by https.
    """

    resource: Resource[VirtualService]
    destinations: Destinations
    gateways: Collection[str]
    is_tls: bool = False

    def routes(self) -> list[Route]:
        """The routes in their order, up to one that takes everything."""
        found: list[Route] = []
        for http in self.resource.spec.http:
            for match in http.match or (None,):
                if not self._concerns(match):
                    continue
                route = self._route(http, match)
                found.append(route)
                if takes_everything(route.match):
                    return found
        return found

    def _concerns(self, match: HttpMatch | None) -> bool:
        """Whether the match may be met by what comes through the proxy, at its port."""
        if match is None:
            return True
        if match.port and match.port != self.destinations.port:
            return False
        if match.gateways:
            namespace = self.resource.namespace
            return any(gateway_name(one, namespace) in self.gateways for one in match.gateways)
        proxy = self.destinations.proxy
        if match.source_namespace not in ("", proxy.namespace):
            return False
        return selects(match.source_labels, proxy.labels)

    def _route(self, http: HttpRoute, match: HttpMatch | None) -> Route:
        names = [http.name, match.name if match is not None else ""]
        route = api.Route(name=".".join(filter(None, names)), match=route_match(match))
        if match is not None and match.stat_prefix:
            route.stat_prefix = match.stat_prefix
        changes = Changes(http.headers)
        changes.apply(route)
        if http.redirect is not None:
            route.redirect.CopyFrom(self._redirect(http.redirect))
        elif http.direct_response is not None:
            route.direct_response.CopyFrom(_direct_response(http))
        else:
            self._forward(route, http, changes.authority)
        self._describe(route)
        _filter(route, http)
        return route

    def _describe(self, route: Route) -> None:
        """What traces and tools call the route."""
        resource = self.resource
        where = place("networking.istio.io/v1", resource.key)
        route.metadata.filter_metadata["istio"].update({"config": where})
        cluster = route.route.cluster.split("|")
        target = f"{resource.name}:{self.destinations.port}"
        if len(cluster) > 1:
            target = f"{cluster[3]}:{cluster[1]}"
        route.decorator.operation = f"{target}{_path_of(route)}"

    def _redirect(self, said: HttpRedirect) -> RedirectAction:
        made = api.RedirectAction(
            host_redirect=said.authority, response_code=_REDIRECTS[said.redirect_code]
        )
        if said.prefix_rewrite:
            made.prefix_rewrite = said.prefix_rewrite
        else:
            made.path_redirect = said.uri
        if said.scheme:
            made.scheme_redirect = said.scheme
        port = said.port
        if said.derive_port == "FROM_REQUEST_PORT":
            port = self.destinations.port
        scheme = said.scheme or ("https" if self.is_tls else "http")
        if port is not None and port != _DEFAULT_PORTS.get(scheme):
            made.port_redirect = port
        return made

    def _forward(self, route: Route, http: HttpRoute, authority: str) -> None:
        action = route.route
        timeout = duration(http.timeout or 0.0)
        action.timeout.CopyFrom(timeout)
        # Not `max_stream_duration`, which makes Envoy ignore `timeout`.
        action.max_grpc_timeout.CopyFrom(timeout)
        if http.rewrite is not None:
            _rewrite(action, http.rewrite)
            authority = http.rewrite.authority or authority
        if authority:
            action.host_rewrite_literal = authority
        for mirror in _mirrors(http):
            self._mirror(action, mirror)
        if len(http.route) == 1:
            self._choose(route, http.route[0])
        else:
            for destination in http.route:
                if destination.weight:
                    self._weigh(action, destination)
        hashed = len(http.route) == 1 and len(action.hash_policy) > 0
        retries = outbound_retries(http.retries, hashed=hashed)
        if retries is not None:
            action.retry_policy.CopyFrom(retries)

    def _choose(self, route: Route, chosen: HttpDestination) -> None:
        """One destination: what it says of headers is said of the route."""
        action = route.route
        action.cluster = self.destinations.cluster(chosen.destination)
        changes = Changes(chosen.headers)
        changes.apply(route)
        if changes.authority and not action.host_rewrite_literal:
            action.host_rewrite_literal = changes.authority
        self._hash(action, chosen)

    def _weigh(self, action: RouteAction, chosen: HttpDestination) -> None:
        """One of several destinations."""
        cluster = action.weighted_clusters.clusters.add(
            name=self.destinations.cluster(chosen.destination), weight=uint32(chosen.weight)
        )
        changes = Changes(chosen.headers)
        changes.apply(cluster)
        if changes.authority:
            cluster.host_rewrite_literal = changes.authority
        self._hash(action, chosen)

    def _hash(self, action: RouteAction, chosen: HttpDestination) -> None:
        policy = hash_policy(self.destinations.hash(chosen.destination))
        if policy is not None:
            action.hash_policy.append(policy)

    def _mirror(self, action: RouteAction, mirror: HttpMirror) -> None:
        share = mirror.percentage
        if share is not None and share.value <= 0:
            return
        made = action.request_mirror_policies.add(
            cluster=self.destinations.cluster(mirror.destination)
        )
        made.trace_sampled.value = False
        part = percent(100) if share is None else fraction(share)
        made.runtime_fraction.default_value.CopyFrom(part)


def _mirrors(http: HttpRoute) -> Iterator[HttpMirror]:
    """The destinations of copies; `mirror` is the older way to write one."""
    if http.mirror is not None:
        share = http.mirror_percentage
        if share is None and http.mirror_percent is not None:
            share = Percent(value=http.mirror_percent)
        yield HttpMirror(destination=http.mirror, percentage=share)
    yield from http.mirrors


def _rewrite(action: RouteAction, said: HttpRewrite) -> None:
    if said.uri_regex_rewrite is not None:
        action.regex_rewrite.pattern.regex = said.uri_regex_rewrite.match
        action.regex_rewrite.substitution = said.uri_regex_rewrite.rewrite
    elif said.uri:
        action.prefix_rewrite = said.uri


def _direct_response(http: HttpRoute) -> DirectResponseAction:
    said = http.direct_response
    made = api.DirectResponseAction()
    if said is None:
        return made
    made.status = said.status
    if said.body is not None and said.body.string is not None:
        made.body.inline_string = said.body.string
    elif said.body is not None and said.body.bytes is not None:
        made.body.inline_bytes = base64.b64decode(said.body.bytes)
    return made


def _filter(route: Route, http: HttpRoute) -> None:
    """What filters do with requests of the route."""
    found = fault(http.fault) if http.fault is not None else None
    if found is not None:
        route.typed_per_filter_config[_FAULT].CopyFrom(api.packed(found))
    if http.cors_policy is not None:
        route.typed_per_filter_config[_CORS].CopyFrom(api.packed(cors(http.cors_policy)))


def _path_of(route: Route) -> str:
    match = route.match
    kind = match.WhichOneof("path_specifier")
    if kind == "prefix":
        return f"{match.prefix}*"
    return match.path if kind == "path" else match.safe_regex.regex
