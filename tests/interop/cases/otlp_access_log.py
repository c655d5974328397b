"""Access logs as records of OpenTelemetry: what each says, who it is from, and how it is sent."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases.grpc_access_log import RICH, STATE, logged
from tests.interop.log_services import CLUSTERS, GRPC, otlp
from tests.interop.model import Case, Differs, Step, Wait
from tests.support.client import get
from tests.support.telemetry_service import TelemetryScript

BODY = "body: {string_value: '%REQ(:METHOD)% %PROTOCOL% %RESPONSE_CODE% %REQ(x-none)%'}"
NESTED = """body: {kvlist_value: {values: [
    {key: list, value: {array_value: {values: [{string_value: a}, {string_value: '%PROTOCOL%'}]}}},
    {key: empty, value: {array_value: {}}},
    {key: code, value: {string_value: '%RESPONSE_CODE%'}}]}},
  attributes: {values: [
    {key: plain, value: {string_value: x}},
    {key: plain, value: {string_value: again}},
    {key: nested, value: {kvlist_value: {values: [
      {key: in, value: {string_value: '%REQ(x-in)%'}}]}}}]}
"""
RESOURCE = """resource_attributes: {values: [
    {key: zone_name, value: {string_value: z}}, {key: count, value: {int_value: 3}},
    {key: list, value: {array_value: {values: [{bool_value: true}, {double_value: 0.5}]}}}]}
"""
HTTP = (
    "http_service: {http_uri: {uri: 'http://collector/v1/logs?x=1', cluster: $tel, timeout: 1s},"
    " request_headers_to_add: [{header: {key: x-key, value: v}}]}"
)
COMMON = f"common_config: {{log_name: $log, transport_api_version: V3, grpc_service: {{{GRPC}}}}}"
PLAIN = CLUSTERS[: CLUSTERS.rindex("{name: $tel")] + "{name: $tel, hosts: [$sink]}]"


def recorded(name: str, *steps: Step | bytes, logs: tuple[str, ...], **more: object) -> Case:
    """Requests whose records a service gets."""
    case = logged(name, *steps, logs=logs, **more)
    # What is counted is counted when the service has answered.
    steps = (*case.steps, Wait(0.8)) if case.isolated else case.steps
    return replace(case, name=f"otlp_{name}", steps=steps)


def over_http(name: str, status: int = 200, **more: object) -> Case:
    """The same over HTTP, to a service that answers with `status`."""
    sink = TelemetryScript(1, status=status, http=True)
    case = recorded(name, get("/direct"), logs=(otlp(BODY, HTTP),), sink=sink, **more)
    return replace(case, clusters=PLAIN)


CASES = (
    recorded("body", RICH, logs=(otlp(BODY),)),
    recorded("nested", RICH, logs=(otlp(NESTED),)),
    replace(
        recorded("odd", RICH, logs=(otlp("body: {string_value: '%REQ(x-odd)%'}"),)),
        differs=Differs("Envoy sends no record in which there is text that is not UTF-8", (200,)),
    ),
    recorded("nothing", RICH, logs=(otlp(),)),
    recorded("log_name", RICH, logs=(otlp(f"log_name: here, {BODY}"),)),
    recorded("resource", RICH, logs=(otlp(RESOURCE),)),
    recorded("no_labels", RICH, logs=(otlp(f"disable_builtin_labels: true, {RESOURCE}"),)),
    recorded("common_config", RICH, logs=(otlp(BODY, COMMON),)),
    recorded(
        "tag", RICH, logs=(otlp(f"custom_tags: [{{tag: t, value: '%REQ(x-in)%'}}], {NESTED}"),)
    ),
    recorded(
        "filter_state",
        RICH,
        logs=(otlp("filter_state_objects_to_log: [k, none]"),),
        filters=STATE,
    ),
    recorded(
        "formatters",
        RICH,
        logs=(
            otlp(
                "body: {string_value: '%REQ_WITHOUT_QUERY(:path)%'}, formatters: [{name: f,"
                ' typed_config: {"@type": type.googleapis.com/'
                "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery}}]"
            ),
        ),
    ),
    recorded("at_once", get("/x"), get("/direct"), logs=(otlp(f"buffer_size_bytes: 0, {BODY}"),)),
    recorded("counted", get("/x"), logs=(otlp(BODY),), isolated=True, stats="^access_logs"),
    recorded(
        "prefixed",
        get("/x"),
        logs=(otlp(f"stat_prefix: here, {BODY}"),),
        isolated=True,
        stats="^access_logs",
    ),
    recorded(
        "refused",
        get("/x"),
        logs=(otlp(BODY),),
        isolated=True,
        stats="^access_logs",
        sink=TelemetryScript(1, status="INTERNAL"),
    ),
    over_http("http"),
    over_http("http_counted", isolated=True, stats="^access_logs"),
    over_http("http_refused", 500, isolated=True, stats="^access_logs"),
)
