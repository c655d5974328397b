"""VirtualService: how requests for hosts are routed.

Source: istio/api networking/v1alpha3/virtual_service.proto.
"""

from __future__ import annotations

from typing import Literal

from lateen.control.resources.meta import Strict
from lateen.control.resources.scalars import Duration, UInt32
from lateen.control.resources.traffic import Destination, Percent, StringMatch


class HeaderOperations(Strict, frozen=True):
    """Changes to the headers of one direction."""

    set: dict[str, str] = {}
    add: dict[str, str] = {}
    remove: tuple[str, ...] = ()


class Headers(Strict, frozen=True):
    """Changes to headers."""

    request: HeaderOperations = HeaderOperations()
    response: HeaderOperations = HeaderOperations()


class HttpMatch(Strict, frozen=True):
    """What a request must be for a route; everything that is set must match."""

    name: str = ""
    uri: StringMatch | None = None
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: dict[str, StringMatch] = {}
    port: UInt32 = 0
    source_labels: dict[str, str] = {}
    gateways: tuple[str, ...] = ()
    query_params: dict[str, StringMatch] = {}
    ignore_uri_case: bool = False
    without_headers: dict[str, StringMatch] = {}
    source_namespace: str = ""
    stat_prefix: str = ""


class HttpDestination(Strict, frozen=True):
    """One of the destinations of a route."""

    destination: Destination
    weight: int = 0
    headers: Headers = Headers()


class HttpRedirect(Strict, frozen=True):
    """A redirect in place of forwarding."""

    uri: str = ""
    prefix_rewrite: str = ""
    authority: str = ""
    port: UInt32 | None = None
    derive_port: Literal["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"] | None = None
    scheme: str = ""
    redirect_code: UInt32 = 0


class HttpBody(Strict, frozen=True):
    """The body of a direct response: text, or base64."""

    string: str | None = None
    bytes: str | None = None


class HttpDirectResponse(Strict, frozen=True):
    """An answer in place of forwarding."""

    status: UInt32
    body: HttpBody | None = None


class Delegate(Strict, frozen=True):
    """The virtual service that decides instead."""

    name: str = ""
    namespace: str = ""


class RegexRewrite(Strict, frozen=True):
    """What of a path is replaced by what."""

    match: str = ""
    rewrite: str = ""


class HttpRewrite(Strict, frozen=True):
    """Changes to path and authority before forwarding."""

    uri: str = ""
    authority: str = ""
    uri_regex_rewrite: RegexRewrite | None = None


class HttpRetry(Strict, frozen=True):
    """Further attempts when one fails."""

    attempts: int = 0
    per_try_timeout: Duration | None = None
    retry_on: str = ""
    retry_remote_localities: bool | None = None
    retry_ignore_previous_hosts: bool | None = None
    backoff: Duration | None = None


class FaultDelay(Strict, frozen=True):
    """A pause before some requests."""

    percent: int = 0
    percentage: Percent | None = None
    fixed_delay: Duration | None = None
    exponential_delay: Duration | None = None


class FaultAbort(Strict, frozen=True):
    """An error in place of some requests."""

    http_status: int | None = None
    grpc_status: str | None = None
    http2_error: str | None = None
    percentage: Percent | None = None


class HttpFault(Strict, frozen=True):
    """Faults that are injected."""

    delay: FaultDelay | None = None
    abort: FaultAbort | None = None


class HttpMirror(Strict, frozen=True):
    """A destination that gets copies of requests."""

    destination: Destination
    percentage: Percent | None = None


class CorsPolicy(Strict, frozen=True):
    """What browsers may ask from other origins."""

    allow_origin: tuple[str, ...] = ()
    allow_origins: tuple[StringMatch, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: Duration | None = None
    allow_credentials: bool | None = None
    unmatched_preflights: Literal["UNSPECIFIED", "FORWARD", "IGNORE"] = "UNSPECIFIED"


class HttpRoute(Strict, frozen=True):
    """One route: what it matches, and what is done."""

    name: str = ""
    match: tuple[HttpMatch, ...] = ()
    route: tuple[HttpDestination, ...] = ()
    redirect: HttpRedirect | None = None
    direct_response: HttpDirectResponse | None = None
    delegate: Delegate | None = None
    rewrite: HttpRewrite | None = None
    timeout: Duration | None = None
    retries: HttpRetry | None = None
    fault: HttpFault | None = None
    mirror: Destination | None = None
    mirrors: tuple[HttpMirror, ...] = ()
    mirror_percent: UInt32 | None = None
    mirror_percentage: Percent | None = None
    cors_policy: CorsPolicy | None = None
    headers: Headers = Headers()


class RouteDestination(Strict, frozen=True):
    """One of the destinations of connections."""

    destination: Destination
    weight: int = 0


class TlsMatch(Strict, frozen=True):
    """What a TLS connection must be for a route."""

    sni_hosts: tuple[str, ...]
    destination_subnets: tuple[str, ...] = ()
    port: UInt32 = 0
    source_labels: dict[str, str] = {}
    gateways: tuple[str, ...] = ()
    source_namespace: str = ""


class TlsRoute(Strict, frozen=True):
    """A route of TLS connections by their SNI."""

    match: tuple[TlsMatch, ...]
    route: tuple[RouteDestination, ...] = ()


class L4Match(Strict, frozen=True):
    """What a connection must be for a route."""

    destination_subnets: tuple[str, ...] = ()
    port: UInt32 = 0
    source_subnet: str = ""
    source_labels: dict[str, str] = {}
    gateways: tuple[str, ...] = ()
    source_namespace: str = ""


class TcpRoute(Strict, frozen=True):
    """A route of connections."""

    match: tuple[L4Match, ...] = ()
    route: tuple[RouteDestination, ...] = ()


class VirtualService(Strict, frozen=True):
    """What `spec` holds."""

    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    http: tuple[HttpRoute, ...] = ()
    tls: tuple[TlsRoute, ...] = ()
    tcp: tuple[TcpRoute, ...] = ()
    export_to: tuple[str, ...] = ()
