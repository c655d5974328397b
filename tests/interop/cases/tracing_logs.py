"""The ids of traces and spans in records of OpenTelemetry."""

from __future__ import annotations

from typing import Any

from tests.interop.cases.tracing import CLUSTERS, NONE, SAMPLED, UPSTREAM, traced
from tests.interop.cases.tracing_zipkin import LONG, PLAIN, b3, zipkin
from tests.interop.log_services import TELEMETRY, manager, otlp
from tests.interop.model import Case
from tests.support.client import get
from tests.support.telemetry_service import TelemetryScript

BODY = "body: {string_value: '%TRACE_ID% %SPAN_ID%'}"


def _router(**of_log: str) -> str:
    """A router that logs attempts."""
    return (
        '{name: router, typed_config: {"@type":'
        " type.googleapis.com/envoy.extensions.filters.http.router.v3.Router,"
        f" upstream_log: [{otlp(BODY, **of_log)}]}}}}"
    )


def _told(count: int = 1, router: str = "", **more: Any) -> dict[str, Any]:
    """Options of a case whose requests are logged to a service, in `count` records."""
    clusters = more.pop("clusters", CLUSTERS)
    return {
        "hcm": manager(otlp(BODY), **({"router": router} if router else {})),
        "clusters": f"{clusters[:-1]}, {TELEMETRY}]",
        "upstreams": {"sink": TelemetryScript(count)},
        "stats": "",
        **more,
    }


def _logged(name: str, *requests: bytes, count: int = 1, **more: Any) -> Case:
    return traced(f"logs_{name}", *requests, **_told(count, **more))


CASES = (
    _logged("new"),
    _logged("continued", get("/x", headers=SAMPLED), tracing=UPSTREAM),
    _logged("not_sampled", get("/x", headers=SAMPLED), tracing=NONE),
    _logged("never", tracing=NONE),
    _logged("attempt", get("/x", headers=SAMPLED), tracing=UPSTREAM, router=_router(), count=2),
    _logged(
        "attempt_not_traceable",
        get("/x", headers=SAMPLED),
        tracing=UPSTREAM,
        router=_router(filtered="{traceable_filter: {}}"),
    ),
    zipkin("logs_short", get("/x", headers=b3()), **_told(clusters=PLAIN)),
    zipkin("logs_long", get("/x", headers=b3(LONG)), **_told(clusters=PLAIN)),
)
