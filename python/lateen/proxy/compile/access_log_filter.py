"""Which requests and connections an access log writes.

Source: AccessLogFilter in envoy/config/accesslog/v3/accesslog.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.protos.worker_pb2 import RuntimeFraction, RuntimeUint32
from lateen.proxy.compile.expressions import compile_text
from lateen.proxy.compile.matchers import compile_header
from lateen.proxy.compile.metadata_match import compile_metadata_match
from lateen.proxy.compile.values import denominator, enum_value_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envoy.config.accesslog.v3 import accesslog_pb2 as accesslog
    from envoy.extensions.access_loggers.filters.cel.v3.cel_pb2 import ExpressionFilter

    from lateen.proxy.compile.context import CompileContext

_EXPRESSION = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"

SUPPORT = (
    Fields(
        "envoy.config.accesslog.v3.AccessLogFilter",
        implemented="""
            status_code_filter duration_filter not_health_check_filter traceable_filter
            runtime_filter and_filter or_filter header_filter response_flag_filter
            grpc_status_filter metadata_filter log_type_filter extension_filter
        """,
    ),
    whole("envoy.config.accesslog.v3.ExtensionFilter"),
    whole(_EXPRESSION, category="envoy.access_loggers.extension_filters"),
    whole("envoy.config.accesslog.v3.AndFilter"),
    whole("envoy.config.accesslog.v3.ComparisonFilter"),
    whole("envoy.config.accesslog.v3.DurationFilter"),
    whole("envoy.config.accesslog.v3.GrpcStatusFilter"),
    whole("envoy.config.accesslog.v3.HeaderFilter"),
    whole("envoy.config.accesslog.v3.LogTypeFilter"),
    whole("envoy.config.accesslog.v3.NotHealthCheckFilter"),
    whole("envoy.config.accesslog.v3.OrFilter"),
    whole("envoy.config.accesslog.v3.ResponseFlagFilter"),
    whole("envoy.config.accesslog.v3.RuntimeFilter"),
    whole("envoy.config.accesslog.v3.StatusCodeFilter"),
    whole("envoy.config.accesslog.v3.TraceableFilter"),
)


def compile_access_log_filter(
    ctx: CompileContext, source: accesslog.AccessLogFilter, at: str
) -> worker_pb2.AccessLogFilter:
    """One filter with those inside it."""
    compiled = worker_pb2.AccessLogFilter()
    kind = source.WhichOneof("filter_specifier")
    if kind == "status_code_filter":
        compiled.status_code.CopyFrom(_comparison(source.status_code_filter.comparison))
    elif kind == "duration_filter":
        compiled.duration_ms.CopyFrom(_comparison(source.duration_filter.comparison))
    elif kind in ("not_health_check_filter", "traceable_filter"):
        setattr(compiled, kind.removesuffix("_filter"), True)
    elif kind == "runtime_filter":
        compiled.runtime.CopyFrom(_runtime(source.runtime_filter))
    elif kind == "and_filter":
        inner = _all_of(ctx, source.and_filter.filters, f"{at}.and_filter.filters")
        getattr(compiled, "and").CopyFrom(inner)
    elif kind == "or_filter":
        inner = _all_of(ctx, source.or_filter.filters, f"{at}.or_filter.filters")
        getattr(compiled, "or").CopyFrom(inner)
    elif kind == "header_filter":
        header = compile_header(ctx, source.header_filter.header, f"{at}.header_filter.header")
        compiled.header.CopyFrom(header)
    elif kind == "metadata_filter":
        metadata = compile_metadata_match(ctx, source.metadata_filter, f"{at}.metadata_filter")
        compiled.metadata.CopyFrom(metadata)
    elif kind == "extension_filter":
        where = f"{at}.extension_filter.typed_config"
        compiled.expression.CopyFrom(_expression(ctx, source.extension_filter, where))
    else:
        _compile_set(source, kind, compiled)
    return compiled


def _expression(
    ctx: CompileContext, source: accesslog.ExtensionFilter, at: str
) -> worker_pb2.Expression:
    message = ctx.unpack(source.typed_config)
    if message is None or message.DESCRIPTOR.full_name != _EXPRESSION:
        return worker_pb2.Expression()
    config = cast("ExpressionFilter", message)
    where = f"{at}.expression"
    return compile_text(ctx, config.expression, where, config.cel_config, with_node=True)


def _compile_set(
    source: accesslog.AccessLogFilter, kind: str | None, out: worker_pb2.AccessLogFilter
) -> None:
    """The filters that are a set of values."""
    if kind == "response_flag_filter":
        out.response_flags.flags.extend(source.response_flag_filter.flags)
        out.response_flags.SetInParent()
    elif kind == "grpc_status_filter":
        statuses = source.grpc_status_filter
        out.grpc_status.statuses.extend(int(status) for status in statuses.statuses)
        out.grpc_status.exclude = statuses.exclude
        out.grpc_status.SetInParent()
    elif kind == "log_type_filter":
        types = source.log_type_filter
        names = (enum_value_name(types, "types", number) for number in types.types)
        out.log_type.types.extend(names)
        out.log_type.exclude = types.exclude
        out.log_type.SetInParent()


def _comparison(source: accesslog.ComparisonFilter) -> worker_pb2.AccessLogFilter.Comparison:
    value = source.value
    return worker_pb2.AccessLogFilter.Comparison(
        op=cast("worker_pb2.AccessLogFilter.Comparison.Op", source.op),
        value=RuntimeUint32(runtime_key=value.runtime_key, default_value=value.default_value),
    )


def _runtime(source: accesslog.RuntimeFilter) -> worker_pb2.AccessLogFilter.RuntimeFilter:
    fraction = RuntimeFraction(
        runtime_key=source.runtime_key,
        numerator=source.percent_sampled.numerator,
        denominator=denominator(source.percent_sampled),
    )
    return worker_pb2.AccessLogFilter.RuntimeFilter(
        fraction=fraction, independent_randomness=source.use_independent_randomness
    )


def _all_of(
    ctx: CompileContext, filters: Iterable[accesslog.AccessLogFilter], at: str
) -> worker_pb2.AccessLogFilter.Both:
    compiled = [
        compile_access_log_filter(ctx, inner, f"{at}[{i}]") for i, inner in enumerate(filters)
    ]
    return worker_pb2.AccessLogFilter.Both(filters=compiled)
