import pytest

from lateen.protos.worker_pb2 import InternalMetadata
from lateen.proxy.compile.transport_sockets import compile_upstream_socket
from tests.support.messages import context, errors, message

TYPE = (
    "type.googleapis.com/envoy.extensions.transport_sockets.internal_upstream.v3"
    ".InternalUpstreamTransport"
)
RAW = "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"


def compiled(ctx, *metadata, inner=RAW):
    inside = {"name": "inner", "typed_config": {"@type": inner}}
    config = {"@type": TYPE, "passthrough_metadata": metadata, "transport_socket": inside}
    source = message("config.core.v3.TransportSocket", {"name": "along", "typed_config": config})
    return compile_upstream_socket(ctx, source, "c", "s")


def test_metadata_of_the_host_and_of_the_cluster():
    ctx = context()
    socket = compiled(
        ctx, {"name": "a", "kind": {"host": {}}}, {"name": "b", "kind": {"cluster": {}}}
    )
    assert [(each.kind, each.name) for each in socket.internal_upstream.metadata] == [
        (InternalMetadata.HOST, "a"),
        (InternalMetadata.CLUSTER, "b"),
    ]
    assert socket.tls_context == ""
    assert errors(ctx) == []


@pytest.mark.parametrize("kind", ["request", "route"])
def test_metadata_of_nothing_else(kind):
    ctx = context()
    compiled(ctx, {"name": "a", "kind": {kind: {}}})
    assert errors(ctx) == [
        f"s.typed_config.passthrough_metadata[0].kind: metadata type is not supported: {kind}"
    ]


def test_tls_inside():
    ctx = context()
    socket = compiled(ctx, inner=TLS)
    assert socket.HasField("internal_upstream")
    assert [plan.name for plan in ctx.tls] == [socket.tls_context]
    assert ctx.tls[0].at == "s.typed_config.transport_socket.typed_config"
