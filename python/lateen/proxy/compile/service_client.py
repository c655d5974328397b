"""Services that the proxy asks itself, through a cluster.

Source: HttpUri, GrpcService and RetryPolicy in envoy/config/core/v3; how their retry policies are
read as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import (
    AppendAction,
    GrpcServiceClient,
    RetryPolicy,
    ServiceClient,
)
from lateen.proxy.compile.headers import compile_header_value
from lateen.proxy.compile.retry import conditions
from lateen.proxy.compile.values import enum_name, milliseconds

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import RetryPolicy as CoreRetryPolicy
    from envoy.config.core.v3.grpc_service_pb2 import GrpcService
    from envoy.config.core.v3.http_uri_pb2 import HttpUri
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

CORE_RETRY_POLICY = Fields(
    "envoy.config.core.v3.RetryPolicy",
    implemented="retry_back_off num_retries retry_on",
    harmless={
        "retry_priority": "Envoy does not read it there",
        "retry_host_predicate": "Envoy does not read it there",
        "host_selection_retry_max_attempts": "Envoy does not read it there",
    },
)
"""For `within` of what holds a retry policy of a service."""

GRPC_SERVICE = Fields(
    "envoy.config.core.v3.GrpcService",
    implemented="envoy_grpc timeout initial_metadata retry_policy",
    rejected={"google_grpc": "use envoy_grpc with a cluster"},
    within={
        "envoy_grpc": Fields(
            "envoy.config.core.v3.GrpcService.EnvoyGrpc",
            implemented="cluster_name authority max_receive_message_length skip_envoy_headers",
            harmless={"retry_policy": "it is for streams to control planes"},
        ),
        "retry_policy": CORE_RETRY_POLICY,
    },
)
"""For `within` of what holds a service that requests ask."""

SUPPORT = (whole("envoy.config.core.v3.HttpUri"),)

_BASE_MS = 1000
_MAX_FACTOR = 10


def compile_http_client(
    ctx: CompileContext,
    uri: HttpUri,
    retry_policy: CoreRetryPolicy | None,
    at: str,
    retry_on: str = "",
) -> ServiceClient:
    """The client of a service that speaks HTTP.

    Args:
        retry_policy: at `at`.retry_policy; None: an attempt is never made again.
        retry_on: when it is, where the policy does not say.
    """
    client = ServiceClient(cluster=uri.cluster, timeout_ms=milliseconds(uri.timeout), internal=True)
    if retry_policy is not None:
        compiled = compile_retries(ctx, retry_policy, retry_on, f"{at}.retry_policy")
        client.retry_policy.CopyFrom(compiled)
    return client


def compile_grpc_client(
    ctx: CompileContext, service: GrpcService, timeout_ms: int, at: str
) -> GrpcServiceClient:
    """The client of a service that speaks gRPC; `timeout_ms`: where the service has none."""
    if service.HasField("timeout"):
        timeout_ms = milliseconds(service.timeout)
    envoy = service.envoy_grpc
    tells = not envoy.skip_envoy_headers
    compiled = GrpcServiceClient(
        client=ServiceClient(
            cluster=envoy.cluster_name, timeout_ms=timeout_ms, internal=tells, forwarded_for=tells
        ),
        authority=envoy.authority,
        initial_metadata=[
            compile_header_value(
                ctx,
                header,
                AppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
                f"{at}.initial_metadata[{index}]",
            )
            for index, header in enumerate(service.initial_metadata)
        ],
        max_message_bytes=envoy.max_receive_message_length.value,
    )
    if service.HasField("retry_policy"):
        policy = compile_retries(ctx, service.retry_policy, "", f"{at}.retry_policy")
        compiled.client.retry_policy.CopyFrom(policy)
    return compiled


def check_transport_version(ctx: CompileContext, config: Message, at: str) -> None:
    """Report a `transport_api_version` that is no longer spoken."""
    if enum_name(config, "transport_api_version") == "V2":
        reason = "The v2 xDS major version has been removed and is no longer supported"
        ctx.error(f"{at}.transport_api_version", reason)


def compile_retries(
    ctx: CompileContext, policy: CoreRetryPolicy, retry_on: str, at: str
) -> RetryPolicy:
    """The policy as one of a route, whose attempts take as long as the longest pause.

    Args:
        retry_on: when an attempt is made again, where the policy does not say.
    """
    base, longest = _back_off(ctx, policy, at)
    return RetryPolicy(
        retry_on=conditions(policy.retry_on or retry_on),
        num_retries=policy.num_retries.value if policy.HasField("num_retries") else 1,
        per_try_timeout_ms=longest,
        backoff_base_ms=base,
        backoff_max_ms=longest,
        host_selection_max_attempts=1,
    )


def _back_off(ctx: CompileContext, policy: CoreRetryPolicy, at: str) -> tuple[int, int]:
    if not policy.HasField("retry_back_off"):
        return _BASE_MS, _BASE_MS * _MAX_FACTOR
    back_off = policy.retry_back_off
    base = milliseconds(back_off.base_interval)
    if not back_off.HasField("max_interval"):
        return base, base * _MAX_FACTOR
    longest = milliseconds(back_off.max_interval)
    if longest < base:
        reason = "max_interval must be greater than or equal to the base_interval"
        ctx.error(f"{at}.retry_back_off.max_interval", reason)
    return base, longest
