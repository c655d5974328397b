"""Secrets of gateways that are missing or hold no valid certificate.

Source: Istio pkg/config/analysis/analyzers/gateway/secret.go,
pilot/pkg/credentials/kube/secrets.go, pilot/pkg/xds/sds.go ValidateCertificate.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime

from lateen.control.analyze.gateway_ports import no_workload
from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import INVALID_CREDENTIAL, NOT_FOUND
from lateen.control.analyze.selecting import pods_selected
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.gateway import Gateway
from lateen.control.resources.kubernetes.secret import Secret

_PAIRS = (("cert", "key"), ("tls.crt", "tls.key"))


def gateway_secrets(resources: Snapshot) -> Iterator[Message]:
    """Looks for credentialName in the namespace of the pods that a gateway selects."""
    for gateway in resources.of(Gateway):
        pod = next(pods_selected(resources, gateway.spec.selector), None)
        if pod is None:
            yield no_workload(gateway)
            continue
        for index, server in enumerate(gateway.spec.servers):
            name = server.tls.credential_name if server.tls is not None else ""
            if not name:
                continue
            path = ("spec", "servers", index, "tls", "credentialName")
            secret = resources.find(Secret, pod.namespace, name)
            if secret is None:
                text = f"There is no secret {name} in namespace {pod.namespace}"
                yield about(NOT_FOUND, gateway, text, path)
            elif problem := _problem(secret.spec):
                text = f"Secret {name} in namespace {pod.namespace}: {problem}"
                yield about(INVALID_CREDENTIAL, gateway, text, path)


def _problem(secret: Secret) -> str:
    """What is wrong with the certificate of a secret; empty: nothing."""
    try:
        for certificate, key in _PAIRS:
            if secret.value(certificate) and secret.value(key):
                return _certificate_problem(secret.value(certificate))
    except ValueError:
        return "its data is no base64"
    return "it has neither tls.crt and tls.key nor cert and key"


def _certificate_problem(pem: bytes) -> str:
    # Imported here: most resources come without certificates.
    from cryptography import x509
    from cryptography.utils import CryptographyDeprecationWarning

    try:
        with warnings.catch_warnings():
            # A serial number of 0 is told, and is none of ours.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificate = x509.load_pem_x509_certificate(pem)
    except (ValueError, x509.InvalidVersion) as error:
        return f"it holds no certificate: {error}"
    now = datetime.now(UTC)
    if now > certificate.not_valid_after_utc:
        return f"the certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if now < certificate.not_valid_before_utc:
        return f"the certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d} on"
    return ""
