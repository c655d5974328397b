"""What the authority counts.

Source: Istio, security/pkg/server/ca/monitoring.go: the fields are its metrics' names, each after
`citadel_server_`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class CaCounts:
    """Calls of CreateCertificate, and what came of them.

    Attributes:
        csr_count: all of them.
        authentication_failure_count: the caller did not prove who it is.
        csr_parsing_err_count: the request was none.
        id_extraction_err_count: it named somebody else than the caller.
        csr_sign_err_count: the authority could not sign.
        success_cert_issuance_count: a certificate was given.
    """

    csr_count: int = 0
    authentication_failure_count: int = 0
    csr_parsing_err_count: int = 0
    id_extraction_err_count: int = 0
    csr_sign_err_count: int = 0
    success_cert_issuance_count: int = 0
