"""/certs: the certificates in use and when they expire."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import JSON, AdminRequest, AdminResponse
from lateen.proxy.admin.json_text import JsonValue, document
from lateen.proxy.certificates import Shown, authority, leaves

_DAY_S = 86_400


def certs(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """/certs: one entry for each TLS context."""
    entries: list[JsonValue] = []
    for each in context.tls_contexts():
        trusted = authority(each.context)
        entries.append(
            {
                "ca_cert": [] if trusted is None else [_details(trusted)],
                "cert_chain": [_details(shown) for shown in leaves(each.context)],
            }
        )
    return AdminResponse(document({"certificates": entries}), content_type=JSON)


def _details(shown: Shown) -> dict[str, JsonValue]:
    serial, start, end, names = shown.facts
    return {
        "path": shown.path,
        "serial_number": serial,
        "subject_alt_names": [{kind: name} for kind, name in names],
        "days_until_expiration": str(max(0, int(end - time.time()) // _DAY_S)),
        "valid_from": _moment(start),
        "expiration_time": _moment(end),
    }


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
