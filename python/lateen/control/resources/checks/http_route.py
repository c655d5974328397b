"""What a route of requests must be.

Source: Istio pkg/config/validation/virtualservice.go, validation.go, agent/validation.go.
"""

from __future__ import annotations

import base64
from http import HTTPStatus

from lateen.control.resources.checks.cors import check_cors
from lateen.control.resources.checks.destinations import check_destination, check_weighted
from lateen.control.resources.checks.faults import check_fault, check_status
from lateen.control.resources.checks.headers import check_headers, check_matched_name, is_authority
from lateen.control.resources.checks.names import check_labels, check_port, is_dns_label
from lateen.control.resources.checks.regexes import check_regex, check_string_match
from lateen.control.resources.checks.route_matches import check_gateway_names
from lateen.control.resources.checks.values import check_duration, check_percent
from lateen.control.resources.field import Field
from lateen.control.resources.virtual_service import (
    HttpDirectResponse,
    HttpMatch,
    HttpRedirect,
    HttpRetry,
    HttpRewrite,
    HttpRoute,
)

# Those that Envoy can answer.
_REDIRECTS = (301, 302, 303, 307, 308)
_RETRIED = frozenset(
    (
        "5xx",
        "gateway-error",
        "reset",
        "reset-before-request",
        "connect-failure",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "retriable-headers",
        "envoy-ratelimited",
        "http3-post-connect-failure",
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    )
)
_STATUSES = frozenset(str(int(status)) for status in HTTPStatus)
_LARGE = 100 << 10
_LARGEST = 1 << 20


def check_http_route(at: Field, route: HttpRoute, *, delegate: bool) -> None:
    """Note what is wrong with a route.

    Args:
        at: the route's field.
        route: what it says.
        delegate: whether its virtual service is one that others delegate to.
    """
    _check_conflicts(at, route, delegate=delegate)
    for place, match in (at / "match").each(route.match):
        _check_match(place, match)
    check_headers(at / "headers", route.headers)
    check_cors(at / "corsPolicy", route.cors_policy)
    check_fault(at / "fault", route.fault)
    _check_mirrors(at, route)
    if route.redirect is not None:
        _check_redirect(at / "redirect", route.redirect, route)
    if route.direct_response is not None:
        _check_direct_response(at / "directResponse", route.direct_response)
    if route.retries is not None:
        _check_retries(at / "retries", route.retries)
    if route.rewrite is not None:
        _check_rewrite(at / "rewrite", route.rewrite)
    _check_authority(at, route)
    for place, one in (at / "route").each(route.route):
        check_headers(place / "headers", one.headers)
    check_weighted(at / "route", route.route)
    check_duration(at / "timeout", route.timeout)


def _check_conflicts(at: Field, route: HttpRoute, *, delegate: bool) -> None:
    if route.delegate is not None and delegate:
        (at / "delegate").error("a route that was delegated cannot be again", "remove it")
    elif route.delegate is not None:
        at.at_most_one("delegate", "redirect")
        at.at_most_one("delegate", "route")
        return
    answer = "redirect" if route.redirect is not None else "directResponse"
    if route.redirect is not None or route.direct_response is not None:
        others = {"route": route.route, "fault": route.fault, "rewrite": route.rewrite}
        for name in (name for name, value in others.items() if value):
            (at / name).error(f"{name} and {answer} cannot be set together", "keep one of them")
    elif not route.route:
        at.error("the route goes nowhere", "set route, redirect or directResponse")
    if route.redirect is not None and route.direct_response is not None:
        at.error("redirect and directResponse cannot be set together", "keep one of them")
    if route.mirror is not None and route.mirrors:
        at.error("mirror and mirrors cannot be set together", "keep mirrors")


def _check_match(at: Field, match: HttpMatch) -> None:
    for place, name, value in (at / "headers").entries(match.headers):
        check_matched_name(place, name)
        check_string_match(place, value)
    for place, name, value in (at / "withoutHeaders").entries(match.without_headers):
        check_matched_name(place, name)
        # Istio takes it for "the header is there".
        if value.regex != "*":
            check_string_match(place, value)
    check_string_match(at / "uri", match.uri, empty_prefix=True)
    check_string_match(at / "scheme", match.scheme)
    check_string_match(at / "method", match.method)
    check_string_match(at / "authority", match.authority)
    for place, _, value in (at / "queryParams").entries(match.query_params):
        check_string_match(place, value)
    if match.port:
        check_port(at / "port", match.port)
    check_labels(at / "sourceLabels", match.source_labels)
    check_gateway_names(at / "gateways", match.gateways)
    if match.source_namespace and not is_dns_label(match.source_namespace):
        (at / "sourceNamespace").error(f"{match.source_namespace!r} is no namespace", "as shop")


def _check_mirrors(at: Field, route: HttpRoute) -> None:
    if route.mirror_percent is not None:
        check_percent(at / "mirrorPercent", route.mirror_percent)
        (at / "mirrorPercent").warn("mirrorPercent is deprecated", "use mirrorPercentage")
    if route.mirror_percentage is not None:
        check_percent(at / "mirrorPercentage" / "value", route.mirror_percentage.value)
    check_destination(at / "mirror", route.mirror)
    for place, mirror in (at / "mirrors").each(route.mirrors):
        check_destination(place / "destination", mirror.destination)
        if mirror.percentage is not None:
            check_percent(place / "percentage" / "value", mirror.percentage.value)


def _check_redirect(at: Field, redirect: HttpRedirect, route: HttpRoute) -> None:
    at.at_most_one("port", "derivePort")
    if redirect.uri and redirect.prefix_rewrite:
        at.error("uri and prefixRewrite cannot be set together", "keep one of them")
    by_prefix = all(match.uri is None or match.uri.prefix is not None for match in route.match)
    if redirect.prefix_rewrite and not by_prefix:
        (at / "prefixRewrite").error(
            "not every match is by a prefix", "match uri.prefix, or use uri"
        )
    changes = (redirect.uri, redirect.prefix_rewrite, redirect.authority, redirect.scheme)
    if not any(changes) and redirect.port is None and redirect.derive_port is None:
        at.error("the redirect changes nothing", "set uri, authority, scheme or port")
    if redirect.redirect_code and redirect.redirect_code not in _REDIRECTS:
        codes = ", ".join(map(str, _REDIRECTS))
        (at / "redirectCode").error(f"{redirect.redirect_code} is no redirect", f"one of {codes}")
    if redirect.scheme not in ("", "http", "https"):
        (at / "scheme").error(f"{redirect.scheme!r} is no scheme", "http or https")
    if redirect.port:
        check_port(at / "port", redirect.port)


def _check_direct_response(at: Field, response: HttpDirectResponse) -> None:
    check_status(at / "status", response.status)
    if response.body is None:
        return
    (at / "body").at_most_one("string", "bytes")
    if response.body.bytes is not None:
        try:
            base64.b64decode(response.body.bytes, validate=True)
        except ValueError:
            (at / "body" / "bytes").error("the value is no base64", "plain text is for string")
    size = len((response.body.string or response.body.bytes or "").encode())
    if size > _LARGEST:
        (at / "body").error(f"the body has {size} bytes", "1 MB at most")
    elif size > _LARGE:
        (at / "body").warn(f"the body has {size} bytes, which every proxy gets", "100 kB at most")


def _check_retries(at: Field, retries: HttpRetry) -> None:
    if retries.attempts < 0:
        (at / "attempts").error(f"{retries.attempts} attempts", "0 or more")
    said = retries.per_try_timeout is not None or retries.retry_on
    if retries.attempts == 0 and (said or retries.retry_remote_localities is not None):
        at.error("the policy is set, and no attempts", "set attempts, or remove the rest")
    check_duration(at / "perTryTimeout", retries.per_try_timeout)
    check_duration(at / "backoff", retries.backoff)
    for name in retries.retry_on.split(",") if retries.retry_on else ():
        if name not in _RETRIED and name not in _STATUSES:
            (at / "retryOn").error(f"nothing is retried on {name!r}", "as 5xx,connect-failure,503")


def _check_rewrite(at: Field, rewrite: HttpRewrite) -> None:
    regex = rewrite.uri_regex_rewrite
    if rewrite.uri and regex is not None:
        at.error("uri and uriRegexRewrite cannot be set together", "keep one of them")
    if not rewrite.uri and regex is None and not rewrite.authority:
        at.error("the rewrite changes nothing", "set uri, uriRegexRewrite or authority")
    if regex is None:
        return
    if not regex.match or not regex.rewrite:
        (at / "uriRegexRewrite").error("match or rewrite is not set", "set both")
    check_regex(at / "uriRegexRewrite" / "match", regex.match)


def _check_authority(at: Field, route: HttpRoute) -> None:
    request = route.headers.request
    changed = [name for name in (*request.set, *request.add) if is_authority(name)]
    if route.rewrite is not None and route.rewrite.authority:
        changed.append("rewrite.authority")
    if len(changed) > 1:
        at.error(f"the authority is set by {' and '.join(changed)}", "set it once")
