"""LEAST_REQUEST: the host with the fewest active requests.

Source: least_request_lb_config in envoy/config/cluster/v3/cluster.proto;
envoy/extensions/load_balancing_policies/least_request/v3/least_request.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import LbOptions, LbPolicy
from lateen.proxy.compile.load_balancing.locality import compile_locality
from lateen.proxy.compile.load_balancing.policy import CATEGORY, Policy
from lateen.proxy.compile.load_balancing.slow_start import compile_slow_start
from lateen.proxy.compile.runtime import runtime_double
from lateen.proxy.compile.values import enum_name

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.extensions.load_balancing_policies.least_request.v3.least_request_pb2 import (
        LeastRequest,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

_TYPE = "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest"
_OWN_CONFIG = "least_request_lb_config"
_SUPPORT = (
    Fields(
        "envoy.config.cluster.v3.Cluster.LeastRequestLbConfig",
        implemented="choice_count active_request_bias slow_start_config",
    ),
    Fields(
        _TYPE,
        implemented="""
            choice_count active_request_bias slow_start_config locality_lb_config
            selection_method
        """,
        harmless={"enable_full_scan": "selection_method decides, as in Envoy"},
        category=CATEGORY,
    ),
)


def _compile_cluster(ctx: CompileContext, source: Cluster, out: LbOptions, at: str) -> None:
    if source.WhichOneof("lb_config") == _OWN_CONFIG:
        _compile(ctx, source.least_request_lb_config, out, f"{at}.{_OWN_CONFIG}")


def _compile_typed(ctx: CompileContext, message: Message, out: LbOptions, at: str) -> None:
    config: LeastRequest = message  # type: ignore[assignment]
    _compile(ctx, config, out, at)
    out.full_scan = enum_name(config, "selection_method") == "FULL_SCAN"
    compile_locality(ctx, config.locality_lb_config, out, f"{at}.locality_lb_config")


def _compile(
    ctx: CompileContext,
    source: Cluster.LeastRequestLbConfig | LeastRequest,
    out: LbOptions,
    at: str,
) -> None:
    if source.HasField("choice_count"):
        out.choice_count = source.choice_count.value
    if source.HasField("active_request_bias"):
        where = f"{at}.active_request_bias"
        bias = runtime_double(ctx, source.active_request_bias, where)
        if bias >= 0:
            out.active_request_bias = bias
        else:
            ctx.warning(where, "it is below 0: 1 is used instead")
    if source.HasField("slow_start_config"):
        where = f"{at}.slow_start_config"
        out.slow_start.CopyFrom(compile_slow_start(ctx, source.slow_start_config, where))


POLICY = Policy(
    "LEAST_REQUEST",
    LbPolicy.LEAST_REQUEST,
    _TYPE,
    _OWN_CONFIG,
    _compile_cluster,
    _compile_typed,
    _SUPPORT,
)
