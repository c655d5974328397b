"""Files that say what holds for the whole mesh, in place of the ConfigMap `istio`.

Source: istio/api mesh/v1alpha1/config.proto, network.proto.
"""

from __future__ import annotations

from typing import TypeVar

from lateen.config.syntax import ConfigSyntaxError
from lateen.control.documents import Document, read_documents
from lateen.control.resources.convert import convert
from lateen.control.resources.meta import Lenient
from lateen.control.resources.report import Report

Read = TypeVar("Read")


class NetworkEndpoints(Lenient, frozen=True):
    """Where a network's endpoints come from."""

    from_registry: str = ""
    from_cidr: str = ""


class Network(Lenient, frozen=True):
    """A network."""

    endpoints: tuple[NetworkEndpoints, ...] = ()


class MeshNetworks(Lenient, frozen=True):
    """The networks of a mesh, by name."""

    networks: dict[str, Network] = {}


def read_mesh_file(file: str, text: str, wanted: type[Read]) -> tuple[Read, Document]:
    """MeshConfig or MeshNetworks from the text of a file, and the document, for positions.

    Raises:
        ValueError: it is none; the message says where.
    """
    try:
        documents = read_documents(file, text)
    except ConfigSyntaxError as error:
        raise ValueError(f"{file}:{error.line}:{error.column}: {error.message}") from None
    document = documents[0] if documents else Document(file, 0, {}, text)
    report = Report(document)
    value = convert(document.tree, wanted, (), report)
    if value is None:
        raise ValueError(str(report.found[0]))
    return value, document
