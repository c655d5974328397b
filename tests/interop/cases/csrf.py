"""The CSRF filter: origins and referers, methods, shadow, overrides, gRPC."""

from __future__ import annotations

from tests.interop.filters import filtered, grpc_call, route, typed
from tests.interop.model import Case, Step
from tests.support.client import get

ALWAYS = "{default_value: {numerator: 100}}"
NEVER = "{default_value: {numerator: 0}}"
ON = f"filter_enabled: {ALWAYS}"


def csrf(fields: str) -> str:
    """The filter, or its policy at a route."""
    return typed("csrf.v3.CsrfPolicy", fields)


def asks(*headers: str, method: str = "POST", host: str = "a.test") -> bytes:
    """A request of a page."""
    more = "".join(f"{each}\r\n" for each in headers)
    return f"{method} /x HTTP/1.1\r\nHost: {host}\r\n{more}Content-Length: 0\r\n\r\n".encode()


OWN = asks("Origin: http://a.test")
OTHER = asks("Origin: http://b.test")
ALL = (OWN, OTHER, asks(), get("/x"))


def judged(name: str, fields: str, *steps: Step | bytes, **more: str) -> Case:
    """Requests through the filter."""
    return filtered(f"csrf_{name}", csrf(fields), *(steps or ALL), **more)


CASES = (
    judged("enabled", ON),
    judged("not_enabled", f"filter_enabled: {NEVER}"),
    judged("shadow", f"filter_enabled: {NEVER}, shadow_enabled: {ALWAYS}"),
    judged("shadow_and_enabled", f"{ON}, shadow_enabled: {ALWAYS}"),
    judged("methods", ON, *(asks("Origin: http://b.test", method=method) for method in
           ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"))),
    judged("additional_origins", f"{ON}, additional_origins: [{{exact: b.test}}, {{suffix: .c}}]",
           OTHER, asks("Origin: http://x.c"), asks("Origin: http://x.d"), asks()),
    judged("additional_origins_match_nothing",
           f"{ON}, additional_origins: [{{safe_regex: {{regex: '.*'}}}}]", *ALL),
    judged("referer", ON, asks("Referer: http://a.test/page?q"), asks("Referer: http://b.test/"),
           asks("Origin: http://a.test", "Referer: http://b.test/")),
    judged("null", ON, asks("Origin: null"), asks("Origin: null", "Referer: http://a.test/")),
    judged("ports", ON, asks("Origin: http://a.test:80"), asks("Origin: http://a.test:8080"),
           asks("Origin: http://a.test:8080", host="a.test:8080"),
           asks("Origin: http://a.test", host="a.test:80")),
    judged("https", ON, asks("Origin: https://a.test")),
    judged("no_scheme", ON, asks("Origin: a.test"), asks("Origin: a.test/x")),
    judged("upper_case", ON, asks("Origin: http://A.test"), asks("Origin: HTTP://a.test")),
    judged("empty_origin", ON, asks("Origin:"), asks("Origin:", "Referer: http://a.test/")),
    judged("grpc", ON, *grpc_call("/a.B/C", ("origin", "http://b.test"))),
    judged("at_a_route", f"filter_enabled: {NEVER}", routes=f"[{route(csrf=csrf(ON))}]"),
    judged("off_at_a_route", ON, routes=f"[{route(csrf=csrf(f'filter_enabled: {NEVER}'))}]"),
    judged("origins_of_a_route", ON, OTHER, OWN, routes="["
           + route(csrf=csrf(f"{ON}, additional_origins: [{{exact: b.test}}]")) + "]"),
    judged("without_a_route", ON, routes="[]"),
    judged("before_direct_response", ON, routes=f"[{route('direct_response: {status: 200}')}]"),
)  # fmt: skip
