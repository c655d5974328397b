"""envoy.filters.http.fault

Source: envoy/extensions/filters/http/fault/v3/fault.proto, common/fault/v3/fault.proto; Envoy docs,
"Fault Injection", for headers and runtime keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import (
    ByHeader,
    FaultAbort,
    FaultDelay,
    FaultFilter,
    FaultRateLimit,
    FaultSettings,
    FaultShare,
    FilterOverride,
    HttpFilter,
)
from lateen.proxy.compile.matchers import compile_header
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import denominator, milliseconds, struct_to_python, to_json

if TYPE_CHECKING:
    from envoy.extensions.filters.common.fault.v3 import fault_pb2 as common
    from envoy.extensions.filters.http.fault.v3 import fault_pb2 as envoy
    from envoy.type.v3.percent_pb2 import FractionalPercent
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_PACKAGE = "envoy.extensions.filters.http.fault.v3"
_COMMON = "envoy.extensions.filters.common.fault.v3"

SUPPORT = (
    whole(f"{_PACKAGE}.HTTPFault", category="envoy.filters.http"),
    whole(f"{_PACKAGE}.FaultAbort"),
    whole(f"{_PACKAGE}.FaultAbort.HeaderAbort"),
    whole(f"{_COMMON}.FaultDelay"),
    whole(f"{_COMMON}.FaultDelay.HeaderDelay"),
    whole(f"{_COMMON}.FaultRateLimit"),
    whole(f"{_COMMON}.FaultRateLimit.FixedLimit"),
    whole(f"{_COMMON}.FaultRateLimit.HeaderLimit"),
)

_DEFAULT_BODY = "fault filter abort"


def compile_fault(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that lets requests fail and wait."""
    config: envoy.HTTPFault = message  # type: ignore[assignment]
    block = owner.block(ctx.blocks, BlockKind.FAULT, "fault")
    return HttpFilter(fault=FaultFilter(stats_block=block, settings=_compile(ctx, config, at)))


def compile_fault_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """The faults of a route, in place of the filter's."""
    config: envoy.HTTPFault = message  # type: ignore[assignment]
    out.fault.CopyFrom(_compile(ctx, config, at))


def _compile(ctx: CompileContext, config: envoy.HTTPFault, at: str) -> FaultSettings:
    compiled = FaultSettings(
        upstream_cluster=config.upstream_cluster,
        headers=[
            compile_header(ctx, header, f"{at}.headers[{index}]")
            for index, header in enumerate(config.headers)
        ],
        downstream_nodes=config.downstream_nodes,
        max_active_runtime_key=config.max_active_faults_runtime or "fault.http.max_active_faults",
        disable_downstream_cluster_stats=config.disable_downstream_cluster_stats,
    )
    if config.HasField("delay"):
        compiled.delay.CopyFrom(_delay(config))
    if config.HasField("abort"):
        compiled.abort.CopyFrom(_abort(config))
    if config.HasField("response_rate_limit"):
        compiled.rate_limit.CopyFrom(_rate_limit(config))
    if config.HasField("max_active_faults"):
        compiled.max_active = config.max_active_faults.value
    if config.filter_metadata.fields:
        compiled.metadata_json = to_json(struct_to_python(config.filter_metadata))
    return compiled


def _delay(config: envoy.HTTPFault) -> FaultDelay:
    source: common.FaultDelay = config.delay
    key = config.delay_percent_runtime or "fault.http.delay.fixed_delay_percent"
    compiled = FaultDelay(
        runtime_key=config.delay_duration_runtime or "fault.http.delay.fixed_duration_ms"
    )
    if source.HasField("header_delay"):
        header = "x-envoy-fault-delay-request-percentage"
        compiled.by_header.CopyFrom(ByHeader())
    else:
        header = ""
        compiled.fixed_ms = milliseconds(source.fixed_delay)
    compiled.share.CopyFrom(_share(source.percentage, key, header))
    return compiled


def _abort(config: envoy.HTTPFault) -> FaultAbort:
    source = config.abort
    key = config.abort_percent_runtime or "fault.http.abort.abort_percent"
    compiled = FaultAbort(
        http_runtime_key=config.abort_http_status_runtime or "fault.http.abort.http_status",
        grpc_runtime_key=config.abort_grpc_status_runtime or "fault.http.abort.grpc_status",
        body=source.response_body or _DEFAULT_BODY,
    )
    header = ""
    kind = source.WhichOneof("error_type")
    if kind == "header_abort":
        header = "x-envoy-fault-abort-request-percentage"
        compiled.by_header.CopyFrom(ByHeader())
    elif kind == "grpc_status":
        compiled.grpc_status = source.grpc_status
    else:
        compiled.http_status = source.http_status
    compiled.share.CopyFrom(_share(source.percentage, key, header))
    return compiled


def _rate_limit(config: envoy.HTTPFault) -> FaultRateLimit:
    source: common.FaultRateLimit = config.response_rate_limit
    key = config.response_rate_limit_percent_runtime or "fault.http.rate_limit.response_percent"
    compiled = FaultRateLimit()
    if source.HasField("header_limit"):
        header = "x-envoy-fault-throughput-response-percentage"
        compiled.by_header.CopyFrom(ByHeader())
    else:
        header = ""
        compiled.kbps = source.fixed_limit.limit_kbps
    compiled.share.CopyFrom(_share(source.percentage, key, header))
    return compiled


def _share(percentage: FractionalPercent, key: str, header: str) -> FaultShare:
    return FaultShare(
        numerator=percentage.numerator,
        denominator=denominator(percentage),
        runtime_key=key,
        header=header,
    )


EXTENSION = HttpExtension(
    "envoy.filters.http.fault",
    f"{_PACKAGE}.HTTPFault",
    compile_fault,
    SUPPORT,
    Override(f"{_PACKAGE}.HTTPFault", compile_fault_override),
)
