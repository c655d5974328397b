"""LEAST_REQUEST: the host with the fewest active requests.

Source: least_request_lb_config in envoy/config/cluster/v3/cluster.proto;
envoy/extensions/load_balancing_policies/least_request/v3/least_request.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import LbOptions, LbPolicy
from lateen.proxy.compile.load_balancing.locality import compile_locality
from lateen.proxy.compile.load_balancing.policy import CATEGORY, Policy

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.config.core.v3.base_pb2 import RuntimeDouble
    from envoy.extensions.load_balancing_policies.least_request.v3 import least_request_pb2
    from google.protobuf.message import Message
    from google.protobuf.wrappers_pb2 import UInt32Value

    from lateen.proxy.compile.context import CompileContext

    class LeastRequestFields(Protocol):
        """What both messages that configure LEAST_REQUEST have."""

        @property
        def choice_count(self) -> UInt32Value:
            """How many hosts are compared."""

        @property
        def active_request_bias(self) -> RuntimeDouble:
            """How much a busy host loses."""

        def HasField(self, field_name: str) -> bool:
            """As of every message."""


_TYPE = "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest"
_OWN_CONFIG = "least_request_lb_config"
_SUPPORT = (
    Fields(
        "envoy.config.cluster.v3.Cluster.LeastRequestLbConfig",
        implemented="choice_count active_request_bias",
    ),
    Fields(
        _TYPE,
        implemented="choice_count active_request_bias locality_lb_config",
        category=CATEGORY,
    ),
)


def _compile_cluster(ctx: CompileContext, source: Cluster, out: LbOptions, at: str) -> None:
    if source.WhichOneof("lb_config") == _OWN_CONFIG:
        _compile(ctx, source.least_request_lb_config, out, f"{at}.{_OWN_CONFIG}")


def _compile_typed(ctx: CompileContext, message: Message, out: LbOptions, at: str) -> None:
    config: least_request_pb2.LeastRequest = message  # type: ignore[assignment]
    _compile(ctx, config, out, at)
    compile_locality(config.locality_lb_config, out)


def _compile(ctx: CompileContext, source: LeastRequestFields, out: LbOptions, at: str) -> None:
    if source.HasField("choice_count"):
        out.choice_count = source.choice_count.value
    if source.HasField("active_request_bias"):
        bias = source.active_request_bias
        out.active_request_bias = bias.default_value
        override = ctx.runtime.get(bias.runtime_key)
        if override is not None:
            try:
                out.active_request_bias = float(override)
            except ValueError:
                ctx.warning(f"{at}.active_request_bias", f"runtime value {override} is no number")


POLICY = Policy(
    "LEAST_REQUEST",
    LbPolicy.LEAST_REQUEST,
    _TYPE,
    _OWN_CONFIG,
    _compile_cluster,
    _compile_typed,
    _SUPPORT,
)
