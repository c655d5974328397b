"""What a proxy would be sent, without a server: the translation of a directory as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf import json_format

from lateen.config.diagnostics import Diagnostic
from lateen.control.mesh import Mesh
from lateen.control.mesh_settings import mesh_config
from lateen.control.model.proxy import Proxy
from lateen.control.registry.files import read_directories
from lateen.control.translate.clusters.build import clusters
from lateen.control.translate.endpoints import assignments
from lateen.control.translate.listeners.build import listeners
from lateen.control.translate.listeners.manager import table_names
from lateen.control.translate.problems import problems
from lateen.control.translate.routes.build import tables_of
from lateen.control.translate.secrets import Secrets
from lateen.protos import envoy_types

if TYPE_CHECKING:
    from envoy.config.listener.v3.listener_pb2 import Listener
    from google.protobuf.message import Message

KINDS = ("clusters", "endpoints", "listeners", "routes", "secrets")
_REDACTED = b"[redacted]"


def load(directories: Sequence[Path], domain: str) -> tuple[Mesh, tuple[Diagnostic, ...]]:
    """The mesh of directories, and what is wrong in them.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    reading = read_directories(directories)
    resources = tuple(reading.resources.values())
    mesh = Mesh(mesh_config(resources), domain, resources)
    return mesh, (*reading.problems, *problems(mesh))


def translate(
    mesh: Mesh, proxy: Proxy, *, private_keys: bool = False
) -> Mapping[str, list[dict[str, object]]]:
    """Everything that a proxy is sent, by kind, as the JSON mapping has it.

    Args:
        private_keys: are shown, too.
    """
    made = clusters(mesh, proxy)
    listening = listeners(mesh, proxy)
    messages: dict[str, Iterable[Message]] = {
        "clusters": made,
        "endpoints": assignments(mesh, proxy, made),
        "listeners": listening,
        "routes": _routes(mesh, proxy, listening),
        "secrets": _secrets(mesh, proxy, private_keys=private_keys),
    }
    return {kind: [_as_json(one) for one in messages[kind]] for kind in KINDS}


def _routes(mesh: Mesh, proxy: Proxy, listening: Iterable[Listener]) -> Iterator[Message]:
    tables = tables_of(mesh, proxy)
    yield from (tables.table(name) for name in sorted(set(table_names(listening))))


def _secrets(mesh: Mesh, proxy: Proxy, *, private_keys: bool) -> Iterator[Message]:
    secrets = Secrets(mesh, replace(proxy, trusted=True))
    for name in sorted(secrets.names):
        found = secrets.secret(name)
        if found is None:
            continue
        if found.HasField("tls_certificate") and not private_keys:
            found.tls_certificate.private_key.inline_bytes = _REDACTED
        yield found


def _as_json(message: Message) -> dict[str, object]:
    pool = envoy_types().pool
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, descriptor_pool=pool
    )
