from lateen.proxy.compile.overload import global_connection_limit
from tests.support.messages import context, message, unsupported

_MONITOR = (
    "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3"
    ".DownstreamConnectionsConfig"
)
_HEAP = "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig"


def test_a_limit_of_connections():
    monitor = f'{{name: m, typed_config: {{"@type": {_MONITOR}, %s}}}}'
    text = f"{{resource_monitors: [{monitor % 'max_active_downstream_connections: 9'}]}}"
    source = message("config.overload.v3.OverloadManager", text)
    assert unsupported(source) == []
    assert global_connection_limit(context(), source) == 9
    none = message("config.overload.v3.OverloadManager", "{}")
    assert global_connection_limit(context(), none) == 0


def test_other_monitors_are_refused():
    text = f'{{resource_monitors: [{{name: m, typed_config: {{"@type": {_HEAP}}}}}]}}'
    (found,) = unsupported(message("config.overload.v3.OverloadManager", text))
    assert "FixedHeapConfig" in found
