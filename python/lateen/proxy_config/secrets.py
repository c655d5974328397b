"""`lateen proxy-config secret`: certificates and how long they are valid. Keys are never shown."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime

from cryptography import x509

from lateen.proxy_config import dump
from lateen.proxy_config.table import Table
from lateen.proxy_config.tree import Json, child, text

COLUMNS = (
    "RESOURCE NAME",
    "TYPE",
    "STATUS",
    "VALID CERT",
    "SERIAL NUMBER",
    "NOT AFTER",
    "NOT BEFORE",
)
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_CHAIN = ("tls_certificate", "certificate_chain")
_TRUSTED = ("validation_context", "trusted_ca")


def selected(told: Json) -> Iterator[Json]:
    """The secrets, as the proxy shows them: with private keys redacted."""
    return (one for _, one in dump.secrets(told))


def table(told: Json, now: datetime) -> Table:
    """A row for each secret, with the first certificate of it."""
    rows = []
    for state, one in dump.secrets(told):
        secret = child(one, "secret")
        is_chain = child(secret, "tls_certificate") is not None
        kind = "Cert Chain" if is_chain else "CA"
        pem = inline(child(secret, *(_CHAIN if is_chain else _TRUSTED)))
        rows.append((text(one, "name"), kind, state, *_certificate(pem, now)))
    return Table(COLUMNS, sorted(rows))


def inline(source: Json) -> bytes:
    """The bytes of a data source; empty: they are in a file, or hidden."""
    written = text(source, "inline_string")
    if written:
        return written.encode()
    try:
        return base64.b64decode(text(source, "inline_bytes"), validate=True)
    except ValueError:
        return b""


def _certificate(pem: bytes, now: datetime) -> tuple[str, str, str, str]:
    try:
        found = x509.load_pem_x509_certificates(pem)[0]
    except (ValueError, IndexError, x509.InvalidVersion):
        return "-", "-", "-", "-"
    start, end = found.not_valid_before_utc, found.not_valid_after_utc
    valid = "true" if start <= now.astimezone(UTC) <= end else "false"
    return valid, f"{found.serial_number:x}", end.strftime(_TIME), start.strftime(_TIME)
