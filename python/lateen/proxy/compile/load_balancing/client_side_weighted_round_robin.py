"""CLIENT_SIDE_WEIGHTED_ROUND_ROBIN: hosts in turn, by the load that they report in responses.

Source: envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/
client_side_weighted_round_robin.proto; defaults as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import LbOptions, LbPolicy, LoadWeights
from lateen.proxy.compile.load_balancing.policy import CATEGORY, Policy, typed_alone
from lateen.proxy.compile.load_balancing.slow_start import compile_slow_start
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3 import (
        client_side_weighted_round_robin_pb2 as envoy,
    )
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext

TYPE = (
    "envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3"
    ".ClientSideWeightedRoundRobin"
)
_IN_RESPONSES = "let hosts report their load in responses"
_SUPPORT = (
    Fields(
        TYPE,
        implemented="""
            enable_oob_load_report blackout_period weight_expiration_period weight_update_period
            error_utilization_penalty metric_names_for_computing_utilization slow_start_config
        """,
        rejected={"oob_reporting_config": _IN_RESPONSES},
        harmless={"oob_reporting_period": "nothing is reported out of band"},
        category=CATEGORY,
    ),
)
_BLACKOUT_MS = 10_000
_EXPIRATION_MS = 180_000
_UPDATE_MS = 1_000


def _compile_typed(ctx: CompileContext, message: Message, out: LbOptions, at: str) -> None:
    config: envoy.ClientSideWeightedRoundRobin = message  # type: ignore[assignment]
    if config.enable_oob_load_report.value:
        where = f"{at}.enable_oob_load_report"
        ctx.unimplemented(where, "reporting out of band", "reports in responses")
    weights = LoadWeights(
        blackout_ms=_BLACKOUT_MS,
        expiration_ms=_EXPIRATION_MS,
        update_ms=_UPDATE_MS,
        error_utilization_penalty=config.error_utilization_penalty.value,
        metric_names=config.metric_names_for_computing_utilization,
    )
    if config.HasField("blackout_period"):
        weights.blackout_ms = milliseconds(config.blackout_period)
    if config.HasField("weight_expiration_period"):
        weights.expiration_ms = milliseconds(config.weight_expiration_period)
    if config.HasField("weight_update_period"):
        weights.update_ms = milliseconds(config.weight_update_period)
    if config.HasField("slow_start_config"):
        where = f"{at}.slow_start_config"
        out.slow_start.CopyFrom(compile_slow_start(ctx, config.slow_start_config, where))
    out.load_weights.CopyFrom(weights)


POLICY = Policy(
    name="",
    number=LbPolicy.CLIENT_SIDE_WEIGHTED_ROUND_ROBIN,
    type=TYPE,
    own_config="",
    compile_cluster=typed_alone,
    compile_typed=_compile_typed,
    support=_SUPPORT,
)
