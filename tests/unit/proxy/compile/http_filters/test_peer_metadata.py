from lateen.protos.worker_pb2 import PeerMetadataFilter
from lateen.proxy.compile.http_filters.peer_metadata import compile_peer_metadata
from tests.support.messages import (
    OWNER,
    context,
    errors,
    message_of,
    unsupported,
    warnings,
)

_TYPE = "io.istio.http.peer_metadata.Config"
NODE = {"id": "me", "metadata": {"NAMESPACE": "n", "LABELS": {"role": "r"}}}


def compiled(ctx, text):
    return compile_peer_metadata(ctx, message_of(_TYPE, text), OWNER, "f").peer_metadata


def test_a_sidecar_before_a_server():
    ctx = context(node=NODE)
    found = compiled(
        ctx,
        """
        downstream_discovery: [{istio_headers: {}}, {workload_discovery: {}}, {baggage: {}}]
        downstream_propagation: [{istio_headers: {}}]
        additional_labels: [role]
        """,
    )
    methods = [PeerMetadataFilter.ISTIO_HEADERS, PeerMetadataFilter.BAGGAGE]
    assert list(found.downstream_discovery) == methods
    (said,) = found.downstream_propagation
    assert (said.id, said.skip_external_clusters) == ("me", False)
    assert list(found.additional_labels) == ["role"]
    assert not found.upstream_propagation
    assert errors(ctx) == []


def test_clusters_outside_of_the_mesh_may_be_skipped():
    ctx = context(node=NODE)
    text = (
        "{upstream_propagation: [{istio_headers: {skip_external_clusters: true}}, {baggage: {}}]}"
    )
    headers, baggage = compiled(ctx, text).upstream_propagation
    assert headers.skip_external_clusters
    assert (baggage.baggage, baggage.metadata) == ("k8s.namespace.name=n", "")


def test_baggage_of_responses_is_not_looked_for():
    ctx = context()
    assert not compiled(ctx, "{upstream_discovery: [{baggage: {}}]}").upstream_discovery
    assert warnings(ctx) == [
        "f.upstream_discovery[0].baggage: baggage is looked for in requests alone"
    ]


def test_what_is_refused_and_what_is_left_out():
    found = unsupported(
        message_of(
            _TYPE,
            """
            downstream_discovery: [{workload_discovery: {}}]
            upstream_discovery: [{upstream_filter_state: {peer_metadata_key: k}}]
            shared_with_upstream: true
            """,
        )
    )
    assert [each.split(": ")[0] for each in found] == [
        "warning x.downstream_discovery[0].workload_discovery",
        "error x.upstream_discovery[0].upstream_filter_state",
        "error x.shared_with_upstream",
    ]
