"""What a CORS policy must be.

Source: Istio pkg/config/validation/validation.go validateCORSPolicy.
"""

from __future__ import annotations

from lateen.control.resources.checks.headers import check_cors_name
from lateen.control.resources.checks.regexes import check_regex
from lateen.control.resources.checks.values import check_duration
from lateen.control.resources.field import Field
from lateen.control.resources.virtual_service import CorsPolicy

_METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*")
)


def check_cors(at: Field, policy: CorsPolicy | None) -> None:
    """Note origins, methods and headers that are none; None: it is not set."""
    if policy is None:
        return
    for place, origin in (at / "allowOrigins").each(policy.allow_origins):
        place.at_most_one("exact", "prefix", "regex")
        if not (origin.exact or origin.prefix or origin.regex):
            place.error("the origin is empty", "set exact, prefix or regex")
        if origin.regex:
            check_regex(place / "regex", origin.regex)
    for place, method in (at / "allowMethods").each(policy.allow_methods):
        if method not in _METHODS:
            place.error(f"{method!r} is no method", f"one of {', '.join(sorted(_METHODS))}")
    for place, name in (at / "allowHeaders").each(policy.allow_headers):
        check_cors_name(place, name)
    for place, name in (at / "exposeHeaders").each(policy.expose_headers):
        check_cors_name(place, name)
    check_duration(at / "maxAge", policy.max_age)
    if policy.max_age is not None and policy.max_age % 1:
        (at / "maxAge").error("parts of a second are lost", "whole seconds, as 10s")
