"""Verdicts of what routes say about attempts: hedging, retry policies, older limits of gRPC."""

from __future__ import annotations

from tests.interop.verdicts import Verdict, with_manager

_PRIORITY = (
    "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3"
    ".PreviousPrioritiesConfig"
)
_HOSTS = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
_POLICY = "type.googleapis.com/envoy.config.route.v3.RetryPolicy"
_EMPTY = "type.googleapis.com/google.protobuf.Empty"


def routed(name: str, action: str = "", host: str = "", differs: str = "") -> Verdict:
    """A route, or its virtual host, with these fields."""
    more = f", {action}" if action else ""
    hosts = f"{{name: vh, domains: ['*'], {host + ', ' if host else ''}routes: [{{match: {{prefix: /}}, route: {{cluster: be{more}}}}}]}}"  # noqa: E501
    text = with_manager(name, hosts=f"[{hosts}]").text
    return Verdict(name, text, differs)


def priority(name: str, fields: str, differs: str = "") -> Verdict:
    """A retry policy with this priority."""
    return routed(
        name, f"retry_policy: {{retry_on: 5xx, retry_priority: {{{fields}}}}}", differs=differs
    )


VERDICTS = (
    routed("hedge", "hedge_policy: {hedge_on_per_try_timeout: true}"),
    routed("hedge_of_host", host="hedge_policy: {hedge_on_per_try_timeout: true}"),
    routed("hedge_many", "hedge_policy: {initial_requests: 2}"),
    routed("hedge_none", "hedge_policy: {initial_requests: 0}"),
    routed("hedge_chance", "hedge_policy: {additional_request_chance: {numerator: 200}}"),
    priority("priority", f"name: p, typed_config: {{'@type': {_PRIORITY}, update_frequency: 2}}"),
    priority(
        "priority_never",
        f"name: p, typed_config: {{'@type': {_PRIORITY}, update_frequency: 0}}",
        differs="a frequency of 0 ends Envoy with the first retry",
    ),
    priority("priority_without_type", "name: envoy.retry_priorities.previous_priorities"),
    priority("priority_without_name", f"typed_config: {{'@type': {_PRIORITY}}}"),
    priority("priority_of_hosts", f"name: p, typed_config: {{'@type': {_HOSTS}}}"),
    routed("retry_typed", f"retry_policy_typed_config: {{'@type': {_POLICY}, retry_on: 5xx}}"),
    routed("retry_typed_of_host", host=f"retry_policy_typed_config: {{'@type': {_POLICY}}}"),
    routed("retry_typed_unknown", "retry_policy_typed_config: {'@type': x/no.such.Type}"),
    routed(
        "retry_options",
        "retry_policy: {retry_options_predicates:"
        f" [{{name: x, typed_config: {{'@type': {_EMPTY}}}}}]}}",
    ),
    routed("retry_options_without_type", "retry_policy: {retry_options_predicates: [{name: x}]}"),
    routed("grpc_older", "max_grpc_timeout: 1s"),
    routed("grpc_older_offset", "grpc_timeout_offset: 1s"),
    routed("grpc_older_negative", "max_grpc_timeout: -1s"),
    routed("grpc_older_and_newer", "max_grpc_timeout: 1s, max_stream_duration: {}"),
)
