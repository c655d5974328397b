"""The names of secrets in configuration, and who brings them.

Secrets of manifests come from the control plane, over the stream of all resources; certificates of
the mesh and those in files of the proxy come from the agent beside it.

Source: pilot/pkg/model/credentials/resource.go, pkg/security/security.go SdsCertificateConfig.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.translate import api
from lateen.control.translate.values import by_ads, by_agent

if TYPE_CHECKING:
    from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig

IDENTITY, ROOTS = "default", "ROOTCA"
"""The proxy's own certificate, and the roots of the mesh."""

KUBERNETES = "kubernetes://"
"""Begins the name of what a Secret holds."""

CA_SUFFIX = "-cacert"
"""Ends the name of the roots of a Secret."""


def credential(name: str) -> str:
    """The secret of a `credentialName`; empty when there is none."""
    return KUBERNETES + name.removeprefix(KUBERNETES) if name else ""


def credential_roots(name: str) -> str:
    """The roots that go with a `credentialName`; empty when there is none."""
    return credential(name.removesuffix(CA_SUFFIX)) + CA_SUFFIX if name else ""


def file_certificate(certificate: str, key: str) -> str:
    """The secret of two files of the proxy; empty when one of them is not named."""
    return f"file-cert:{certificate}~{key}" if certificate and key else ""


def file_roots(path: str) -> str:
    """The roots in a file of the proxy; empty when none is named."""
    return f"file-root:{path}" if path else ""


def secret_config(name: str) -> SdsSecretConfig:
    """A secret of this name, from who brings it."""
    # A Secret may be missing: nothing waits for it longer than Envoy does by itself.
    source = by_ads() if name.startswith(KUBERNETES) else by_agent()
    return api.SdsSecretConfig(name=name, sds_config=source)
