"""Addresses of the workers' statuses in text and JSON."""

from __future__ import annotations

from lateen.protos import worker_pb2
from lateen.proxy.admin.json_text import JsonValue


def address_text(address: worker_pb2.Address) -> str:
    """`127.0.0.1:80`, `[::1]:80` or the path of a socket."""
    if address.WhichOneof("kind") == "pipe":
        return address.pipe
    return host_port(address.socket.host, address.socket.port)


def host_port(host: str, port: int) -> str:
    """Host and port, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def address_json(address: worker_pb2.Address) -> JsonValue:
    """As config.core.v3.Address."""
    if address.WhichOneof("kind") == "pipe":
        return {"pipe": {"path": address.pipe}}
    return {"socket_address": {"address": address.socket.host, "port_value": address.socket.port}}
