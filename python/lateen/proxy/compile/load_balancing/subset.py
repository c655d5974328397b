"""Subsets: hosts by their metadata.

Source: lb_subset_config in envoy/config/cluster/v3/cluster.proto;
envoy/extensions/load_balancing_policies/subset/v3/subset.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import Subsets
from lateen.proxy.compile.load_balancing.policy import CATEGORY
from lateen.proxy.compile.values import enum_name, struct_to_python, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envoy.config.cluster.v3.cluster_pb2 import Cluster
    from envoy.extensions.load_balancing_policies.subset.v3 import subset_pb2

    from lateen.proxy.compile.context import CompileContext

    SubsetConfig = Cluster.LbSubsetConfig | subset_pb2.Subset
    SelectorConfig = Cluster.LbSubsetConfig.LbSubsetSelector | subset_pb2.Subset.LbSubsetSelector

TYPE = "envoy.extensions.load_balancing_policies.subset.v3.Subset"

SUPPORT = (
    whole("envoy.config.cluster.v3.Cluster.LbSubsetConfig"),
    whole("envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector"),
    Fields(
        TYPE,
        implemented="""
            fallback_policy default_subset subset_selectors allow_redundant_keys
            locality_weight_aware scale_locality_weight panic_mode_any list_as_any
            metadata_fallback_policy subset_lb_policy
        """,
        category=CATEGORY,
    ),
    whole(f"{TYPE}.LbSubsetSelector"),
)


def compile_subsets(ctx: CompileContext, source: SubsetConfig, at: str) -> Subsets:
    """What both messages say; `allow_redundant_keys` is in the typed one alone."""
    compiled = Subsets(
        fallback=cast("Subsets.Fallback", source.fallback_policy),
        default_subset_json=to_json(struct_to_python(source.default_subset)),
        locality_weight_aware=source.locality_weight_aware,
        scale_locality_weight=source.scale_locality_weight,
        panic_mode_any=source.panic_mode_any,
        list_as_any=source.list_as_any,
        metadata_fallback_list=enum_name(source, "metadata_fallback_policy") == "FALLBACK_LIST",
        allow_redundant_keys=getattr(source, "allow_redundant_keys", False),
    )
    given: Sequence[SelectorConfig] = source.subset_selectors
    selectors = []
    for index, selector in enumerate(given):
        where = f"{at}.subset_selectors[{index}]"
        _check_fallback_keys(ctx, selector, f"{where}.fallback_keys_subset")
        selectors.append(
            Subsets.Selector(
                keys=sorted(set(selector.keys)),
                single_host=selector.single_host_per_subset,
                fallback=cast("Subsets.Selector.Fallback", selector.fallback_policy),
                fallback_keys=sorted(set(selector.fallback_keys_subset)),
            )
        )
    if compiled.allow_redundant_keys:
        # Envoy leaves out as little as it can.
        selectors.sort(key=lambda selector: -len(selector.keys))
    compiled.selectors.extend(selectors)
    return compiled


def _check_fallback_keys(ctx: CompileContext, selector: SelectorConfig, at: str) -> None:
    keys, given = set(selector.keys), set(selector.fallback_keys_subset)
    if enum_name(selector, "fallback_policy") != "KEYS_SUBSET":
        if given:
            reason = "fallback_keys_subset can be set only for KEYS_SUBSET fallback_policy"
            ctx.error(at, reason)
    elif not given:
        ctx.error(at, "fallback_keys_subset cannot be empty")
    elif not given <= keys:
        ctx.error(at, "fallback_keys_subset must be a subset of selector keys")
    elif given == keys:
        ctx.error(at, "fallback_keys_subset cannot be equal to keys")
