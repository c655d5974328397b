"""The bootstrap of a sidecar's proxy, Lateen or Envoy: all else comes over xDS.

Source: tools/packaging/common/envoy_bootstrap.json of Istio.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lateen.agent.node import node
from lateen.agent.options import Options

_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_SOURCE = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
DISCOVERY, SECRETS = "xds-grpc", "sds-grpc"
"""The clusters of the agent's socket; configurations of the control plane name the second."""


def bootstrap(options: Options, socket: Path) -> Mapping[str, object]:
    """The bootstrap, as JSON.

    Args:
        socket: where the agent brings configuration and secrets.
    """
    discovery = {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [{"envoy_grpc": {"cluster_name": DISCOVERY}}],
    }
    admin = {"address": "127.0.0.1", "port_value": options.admin_port}
    return {
        "node": node(options),
        "admin": {"address": {"socket_address": admin}},
        "dynamic_resources": {
            "ads_config": discovery,
            "cds_config": _SOURCE,
            "lds_config": _SOURCE,
        },
        "static_resources": {"clusters": [_agent(name, socket) for name in (DISCOVERY, SECRETS)]},
    }


def _agent(name: str, socket: Path) -> Mapping[str, object]:
    endpoint = {"address": {"pipe": {"path": str(socket)}}}
    http2: Mapping[str, object] = {"explicit_http_config": {"http2_protocol_options": {}}}
    return {
        "name": name,
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            _HTTP: {"@type": f"type.googleapis.com/{_HTTP}", **http2}
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
        },
    }
