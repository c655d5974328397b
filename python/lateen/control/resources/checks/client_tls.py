"""How connections to a host speak TLS.

Source: Istio pkg/config/validation/agent/validation.go ValidateTLS.
"""

from __future__ import annotations

from lateen.control.resources.destination_rule import ClientTls
from lateen.control.resources.field import Field

_CONFIG_MAP = "configmap://"


def check_client_tls(at: Field, namespace: str, tls: ClientTls | None) -> None:
    """Note certificates that are missing or contradict each other; None: it is not set."""
    if tls is None:
        return
    if tls.credential_name.startswith(_CONFIG_MAP):
        found, _, name = tls.credential_name.removeprefix(_CONFIG_MAP).partition("/")
        if found != namespace or not name:
            (at / "credentialName").error(
                f"{tls.credential_name!r} is no ConfigMap of this namespace",
                f"{_CONFIG_MAP}{namespace}/NAME",
            )
    if tls.insecure_skip_verify:
        _check_unverified(at, tls)
    if tls.mode in ("SIMPLE", "MUTUAL") and tls.credential_name:
        files = (tls.client_certificate, tls.ca_certificates, tls.private_key, tls.ca_crl)
        if any(files):
            at.error("credentialName and files of certificates are set", "keep one of them")
    elif tls.mode == "MUTUAL":
        if not tls.client_certificate:
            at.error("MUTUAL needs a certificate", "set clientCertificate or credentialName")
        if not tls.private_key:
            at.error("MUTUAL needs a private key", "set privateKey or credentialName")


def _check_unverified(at: Field, tls: ClientTls) -> None:
    verified = tls.ca_certificates or tls.subject_alt_names
    by_name = tls.mode == "SIMPLE" and tls.credential_name
    if tls.mode in ("SIMPLE", "MUTUAL") and (verified or by_name):
        (at / "insecureSkipVerify").error(
            "what verifies the server is set, and not to verify it", "remove one of them"
        )
