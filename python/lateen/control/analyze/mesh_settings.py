"""What analyzers look at of the mesh's configuration and of its networks.

Source: istio/api mesh/v1alpha1/config.proto, network.proto.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from lateen.config.syntax import ConfigSyntaxError
from lateen.control.documents import Document, read_documents
from lateen.control.resources.meta import Lenient

Read = TypeVar("Read")


class DefaultProviders(Lenient, frozen=True):
    """Providers of telemetry that names none."""

    access_logging: tuple[str, ...] = ()


class DefaultConfig(Lenient, frozen=True):
    """How proxies are run."""

    proxy_metadata: dict[str, str] = {}


class MeshSettings(Lenient, frozen=True):
    """MeshConfig."""

    root_namespace: str = "istio-system"
    default_providers: DefaultProviders = DefaultProviders()
    default_config: DefaultConfig = DefaultConfig()


class NetworkEndpoints(Lenient, frozen=True):
    """Where a network's endpoints come from."""

    from_registry: str = ""
    from_cidr: str = ""


class Network(Lenient, frozen=True):
    """A network."""

    endpoints: tuple[NetworkEndpoints, ...] = ()


class MeshNetworks(Lenient, frozen=True):
    """MeshNetworks."""

    networks: dict[str, Network] = {}


def read_settings(file: str, text: str, wanted: type[Read]) -> tuple[Read, Document]:
    """Settings from the text of a file, and the document, for positions.

    Raises:
        ValueError: it is no such document; the message says where.
    """
    try:
        documents = read_documents(file, text)
    except ConfigSyntaxError as error:
        raise ValueError(f"{file}:{error.line}:{error.column}: {error.message}") from None
    document = documents[0] if documents else Document(file, 0, {}, text)
    try:
        return msgspec.convert(document.tree, wanted, str_keys=True), document
    except msgspec.ValidationError as error:
        raise ValueError(f"{file}: {error}") from None
