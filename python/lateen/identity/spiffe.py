"""Who a workload is, and how that is written in its certificate (SPIFFE ID, section 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography import x509

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_URI = re.compile(r"spiffe://([^/]+)/ns/([^/]+)/sa/([^/]+)")


class IdentityError(ValueError):
    """A name is none of a workload; the message says why."""


@dataclass(frozen=True)
class Identity:
    """A workload's identity.

    Attributes:
        trust_domain: of the mesh.
        namespace: of the workload.
        service_account: that it runs as.
    """

    trust_domain: str
    namespace: str
    service_account: str

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            IdentityError: one has letters that it must not have.
        """
        if not _DOMAIN.fullmatch(self.trust_domain):
            raise IdentityError(f"{self.trust_domain!r} is no trust domain")
        for name in (self.namespace, self.service_account):
            if not _NAME.fullmatch(name):
                raise IdentityError(f"{name!r} is no name of a namespace or service account")

    @property
    def path(self) -> str:
        """Who it is in its trust domain."""
        return f"ns/{self.namespace}/sa/{self.service_account}"

    def __str__(self) -> str:
        return f"spiffe://{self.trust_domain}/{self.path}"

    @classmethod
    def parse(cls, uri: str) -> Identity:
        """The identity that a certificate's URI names.

        Raises:
            IdentityError: it has another form.
        """
        found = _URI.fullmatch(uri)
        if found is None:
            raise IdentityError(f"{uri!r} is not spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT")
        return cls(*found.groups())


def uris(certificate: x509.Certificate) -> list[str]:
    """The URIs that a certificate names; none when its names cannot be read."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        ValueError,
    ):
        return []
    return names.value.get_values_for_type(x509.UniformResourceIdentifier)
