"""What a load-balancing policy is made of: one file each, and one line in POLICIES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import LbOptions, LbPolicy

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster

    from lateen.proxy.compile.context import CompileContext

ClusterCompiler = Callable[["CompileContext", "Cluster", LbOptions, str], None]
TypedCompiler = Callable[["CompileContext", Message, LbOptions, str], None]

CATEGORY = "envoy.load_balancing_policies"


def typed_alone(_ctx: CompileContext, _source: Cluster, _out: LbOptions, _at: str) -> None:
    """The `compile_cluster` of policies that no value of lb_policy stands for."""


@dataclass(frozen=True)
class Policy:
    """One policy.

    Attributes:
        name: its value of lb_policy; empty where it has none.
        number: what workers know it by.
        type: the message that configures it in load_balancing_policy.
        own_config: the field of a cluster that configures it, if there is one.
        compile_cluster: reads what the cluster says; its last argument is the cluster's path.
        compile_typed: reads a message of `type`; its last argument is the message's path.
        support: the fields of its messages that are implemented.
    """

    name: str
    number: LbPolicy
    type: str
    own_config: str
    compile_cluster: ClusterCompiler
    compile_typed: TypedCompiler
    support: tuple[Fields, ...]
