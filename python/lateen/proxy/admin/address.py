"""Addresses of the workers' statuses in text and JSON."""

from __future__ import annotations

from lateen.protos import worker_pb2
from lateen.proxy.admin.json_text import JsonValue


def address_text(address: worker_pb2.Address) -> str:
    """`127.0.0.1:80`, `[::1]:80`, the path of a socket or `envoy://NAME/ID`."""
    if address.WhichOneof("kind") == "pipe":
        return address.pipe
    if address.WhichOneof("kind") == "internal":
        return f"envoy://{address.internal.listener}/{address.internal.endpoint_id}"
    return host_port(address.socket.host, address.socket.port)


def host_port(host: str, port: int) -> str:
    """Host and port, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def address_json(address: worker_pb2.Address) -> JsonValue:
    """As config.core.v3.Address."""
    if address.WhichOneof("kind") == "pipe":
        return {"pipe": {"path": address.pipe}}
    if address.WhichOneof("kind") == "internal":
        named: dict[str, JsonValue] = {"server_listener_name": address.internal.listener}
        if address.internal.endpoint_id:
            named["endpoint_id"] = address.internal.endpoint_id
        return {"envoy_internal_address": named}
    return {"socket_address": {"address": address.socket.host, "port_value": address.socket.port}}
