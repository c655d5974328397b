"""What a proxy would be sent, without a server: the translation of a directory as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf import json_format

from lateen.config.diagnostics import Diagnostic
from lateen.control.mesh import Mesh
from lateen.control.mesh_settings import mesh_config
from lateen.control.model.proxy import Proxy, ProxyType
from lateen.control.registry.files import read_directory
from lateen.control.translate.clusters.build import clusters
from lateen.control.translate.endpoints import assignments
from lateen.control.translate.listeners.build import listeners
from lateen.control.translate.listeners.manager import table_names
from lateen.control.translate.routes.tables import Tables
from lateen.protos import envoy_types

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_pb2 import Listener
    from google.protobuf.message import Message

KINDS = ("clusters", "endpoints", "listeners", "routes")


def load(directory: Path, domain: str) -> tuple[Mesh, tuple[Diagnostic, ...]]:
    """The mesh of a directory, and what is wrong in it.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    reading = read_directory(directory)
    resources = tuple(reading.resources.values())
    return Mesh(mesh_config(resources), domain, resources), reading.problems


def translate(mesh: Mesh, proxy: Proxy) -> Mapping[str, list[dict[str, object]]]:
    """Everything that a proxy is sent, by kind, as the JSON mapping has it."""
    made = clusters(mesh, proxy)
    listening = listeners(mesh, proxy)
    messages: dict[str, Iterator[Message]] = {
        "clusters": iter(made),
        "endpoints": assignments(mesh, proxy, made),
        "listeners": iter(listening),
        "routes": _routes(mesh, proxy, listening),
    }
    return {kind: [_as_json(one) for one in messages[kind]] for kind in KINDS}


def _routes(mesh: Mesh, proxy: Proxy, listening: Iterable[Listener]) -> Iterator[Message]:
    if proxy.type is ProxyType.SIDECAR:
        tables = Tables(mesh, proxy)
        yield from (tables.table(name) for name in sorted(set(table_names(listening))))


def _as_json(message: Message) -> dict[str, object]:
    pool = envoy_types().pool
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, descriptor_pool=pool
    )
