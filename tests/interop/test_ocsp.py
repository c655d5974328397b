"""OCSP stapling on the real Envoy and on Lateen: what clients get, and stats."""

from __future__ import annotations

import subprocess

import pytest

from tests.interop.xds_setting import command as command  # a fixture
from tests.support.ocsp_files import ocsp_files
from tests.support.ports import PortLease
from tests.support.proxies import Proxy

TYPES = "type.googleapis.com/envoy.extensions"
CONTEXT = f"{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext"
ECHO = f"{TYPES}.filters.network.echo.v3.Echo"
SENT, OMITTED, REFUSED = "responses", "omitted", "failed"


def bootstrap(port, certificates, policy):
    """A listener that shows certificates; each is a name and that of its response."""
    files = ocsp_files()
    given = []
    for name, staple in certificates:
        made = {
            "certificate_chain": {"filename": str(files / f"{name}.pem")},
            "private_key": {"filename": str(files / f"{name}.key")},
        }
        if staple:
            made["ocsp_staple"] = {"filename": str(files / f"{staple}.ocsp")}
        given.append(made)
    typed = {
        "@type": CONTEXT,
        "ocsp_staple_policy": policy,
        "common_tls_context": {"tls_certificates": given},
    }
    chain = {
        "filters": [{"name": "envoy.filters.network.echo", "typed_config": {"@type": ECHO}}],
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": typed},
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    listener = {"name": "l", "address": address, "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener]}}


def shake(port, *options):
    """A handshake of `openssl s_client`: what came of it."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options],
        input=b"", capture_output=True, timeout=10, check=False,
    )  # fmt: skip
    said = (done.stdout + done.stderr).decode(errors="replace")
    if "alert handshake failure" in said:
        return REFUSED
    assert "Server certificate" in said, said
    return SENT if "OCSP Response Status: successful" in said else OMITTED


LENIENT, STRICT, MUST = "LENIENT_STAPLING", "STRICT_STAPLING", "MUST_STAPLE"


@pytest.mark.parametrize(
    ("certificate", "policy", "outcome"),
    [
        (("plain", None), LENIENT, OMITTED),
        (("plain", None), STRICT, OMITTED),
        (("plain", "good"), LENIENT, SENT),
        (("plain", "good"), MUST, SENT),
        (("plain", "revoked"), STRICT, SENT),
        (("plain", "expired"), LENIENT, OMITTED),
        (("plain", "expired"), STRICT, REFUSED),
        (("plain", "expired"), MUST, REFUSED),
        (("plain", "endless"), LENIENT, OMITTED),
        (("plain", "endless"), STRICT, REFUSED),
        (("must", "must"), LENIENT, SENT),
        (("must", "late"), LENIENT, REFUSED),
    ],
)
def test_what_clients_get(command, certificate, policy, outcome):
    with (
        PortLease() as lease,
        Proxy(command, bootstrap(lease.port, [certificate], policy)) as proxy,
    ):
        assert shake(lease.port, "-status") == outcome
        assert shake(lease.port, "-status", "-tls1_2") == outcome
        assert shake(lease.port) == OMITTED
        served = 1 if outcome == REFUSED else 3
        ssl = f"listener.127.0.0.1_{lease.port}.ssl"
        wanted = {name: 2 if name == outcome else 0 for name in (SENT, OMITTED, REFUSED)}
        proxy.wait_stat(f"{ssl}.handshake", served)
        stats = proxy.stats("filter=ocsp_staple|connection_error")
        counted = {name: stats[f"{ssl}.ocsp_staple_{name}"] for name in wanted}
        assert counted == wanted
        assert stats[f"{ssl}.ocsp_staple_requests"] == 2
        assert stats[f"{ssl}.connection_error"] == 3 - served


def test_another_certificate_stands_in_for_one_that_may_not_be_shown(command):
    certificates = [("plain", "expired"), ("must", "must")]
    with (
        PortLease() as lease,
        Proxy(command, bootstrap(lease.port, certificates, STRICT)),
    ):
        assert shake(lease.port, "-status") == SENT
