"""istio.metadata_exchange, as an HTTP filter: envoy.filters.http.peer_metadata

Source: contrib/envoy/extensions/filters/http/peer_metadata/v3/peer_metadata.proto, and the filter
of Envoy's contrib/istio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import HttpFilter, PeerMetadataFilter
from lateen.proxy.compile.registry import HttpExtension
from lateen.proxy.compile.workload import Workload

if TYPE_CHECKING:
    from contrib.envoy.extensions.filters.http.peer_metadata.v3 import peer_metadata_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_CONFIG = "io.istio.http.peer_metadata.Config"
NO_DISCOVERY = "workloads are not discovered: what peers say themselves counts alone"

SUPPORT = (
    Fields(
        _CONFIG,
        implemented="""
            downstream_discovery upstream_discovery downstream_propagation upstream_propagation
            additional_labels
        """,
        rejected={"shared_with_upstream": "the state of a request stays with it"},
        category="envoy.filters.http",
    ),
    Fields(
        f"{_CONFIG}.DiscoveryMethod",
        implemented="istio_headers baggage",
        harmless={"workload_discovery": NO_DISCOVERY},
    ),
    whole(f"{_CONFIG}.PropagationMethod"),
    whole(f"{_CONFIG}.IstioHeaders"),
    whole(f"{_CONFIG}.Baggage"),
)


def compile_peer_metadata(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter by which proxies say in headers which workloads they serve."""
    config: envoy.Config = message  # type: ignore[assignment]
    workload = Workload.of(ctx.node, config.additional_labels)
    for index, method in enumerate(config.upstream_discovery):
        if method.HasField("baggage"):
            where = f"{at}.upstream_discovery[{index}].baggage"
            ctx.warning(where, "baggage is looked for in requests alone")
    return HttpFilter(
        peer_metadata=PeerMetadataFilter(
            downstream_discovery=_discovery(config.downstream_discovery),
            upstream_discovery=[
                each
                for each in _discovery(config.upstream_discovery)
                if each != PeerMetadataFilter.BAGGAGE
            ],
            downstream_propagation=_propagation(config.downstream_propagation, workload),
            upstream_propagation=_propagation(config.upstream_propagation, workload),
            additional_labels=config.additional_labels,
        )
    )


def _discovery(
    methods: Iterable[envoy.Config.DiscoveryMethod],
) -> Iterator[PeerMetadataFilter.Discovery]:
    for method in methods:
        if method.HasField("istio_headers"):
            yield PeerMetadataFilter.ISTIO_HEADERS
        elif method.HasField("baggage"):
            yield PeerMetadataFilter.BAGGAGE


def _propagation(
    methods: Iterable[envoy.Config.PropagationMethod], workload: Workload
) -> Iterator[PeerMetadataFilter.Propagation]:
    for method in methods:
        if method.HasField("istio_headers"):
            yield PeerMetadataFilter.Propagation(
                id=workload.node_id,
                metadata=workload.header(),
                skip_external_clusters=method.istio_headers.skip_external_clusters,
            )
        elif method.HasField("baggage") and (baggage := workload.baggage()):
            yield PeerMetadataFilter.Propagation(baggage=baggage)


EXTENSION = HttpExtension(
    "envoy.filters.http.peer_metadata", _CONFIG, compile_peer_metadata, SUPPORT
)
