"""What cases of HTTP filters have in common: a chain before the router, overrides of routes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.interop.config import ROUTER
from tests.interop.model import Case, Differs, Step, asked
from tests.support.http2 import Part, ask
from tests.support.upstream import Script, reply

PACKAGE = "type.googleapis.com/envoy.extensions.filters.http"
GRPC = ("content-type", "application/grpc")
LOG = (
    "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS%"
    " grpc=%GRPC_STATUS% rx=%BYTES_RECEIVED% tx=%BYTES_SENT% cluster=%UPSTREAM_CLUSTER%"
    " route=%ROUTE_NAME%"
)
FORWARD = "route: {cluster: $be}"


def typed(message: str, fields: str = "") -> str:
    """The configuration `message` of an HTTP filter, such as `rbac.v3.RBAC`, as a flow mapping."""
    more = f", {fields}" if fields else ""
    return f'{{"@type": {PACKAGE}.{message}{more}}}'


def chain(*filters: str) -> str:
    """Filters, each as `typed` gives it, and the router; a filter's name is its package's."""
    named = [f"{{name: {_package(each)}, typed_config: {each}}}" for each in filters]
    router = f'{{name: router, typed_config: {{"@type": {ROUTER}}}}}'
    return f"[{', '.join([*named, router])}]"


def _package(typed_config: str) -> str:
    """What comes before the version in the name of the type."""
    found = re.search(r"\.(\w+)\.v\d+\.", typed_config)
    assert found is not None, typed_config
    return found.group(1)


def route(action: str = FORWARD, match: str = "prefix: /", **overrides: str) -> str:
    """A route; `overrides` are configurations by the name of a filter."""
    each = ", ".join(f"{name}: {config}" for name, config in overrides.items())
    more = f", typed_per_filter_config: {{{each}}}" if each else ""
    return f"{{match: {{{match}}}, {action}{more}}}"


def filtered(
    name: str,
    filters: str | tuple[str, ...],
    *steps: Step | bytes,
    routes: str = f"[{route()}]",
    virtual_hosts: str = "",
    route_config: str = "",
    hcm: str = "",
    log: str = "",
    upstreams: Mapping[str, Script] | None = None,
    differs: Differs | None = None,
    **more: str,
) -> Case:
    """Requests through filters before the router; `log` adds to what is logged of each."""
    filters = (filters,) if isinstance(filters, str) else filters
    return Case(
        name,
        steps,
        routes=routes,
        virtual_hosts=virtual_hosts,
        route_config=route_config,
        hcm=f"http_filters: {chain(*filters)}\n{hcm}",
        log_format=f"{LOG} {log}\n",
        upstreams=upstreams or {"up": Script([reply()])},
        differs=differs,
        **more,
    )


def grpc_call(path: str = "/pkg.Service/Method", *headers: tuple[str, str]) -> tuple[Step, ...]:
    """A gRPC call without messages over HTTP/2."""
    call: Part = ask(path, GRPC, ("te", "trailers"), *headers, method="POST")
    return asked(call)
