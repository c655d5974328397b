"""How servers of gateways end TLS."""

from dataclasses import replace

import pytest

from lateen.control.model.proxy import Build
from tests.support.gateways import gateway, https, virtual_service
from tests.support.mesh import router, sent

FILES = ", serverCertificate: /c.pem, privateKey: /k.pem"
FILES_AND_ROOTS = f"{FILES}, caCertificates: /ca.pem"
CREDENTIAL = ", credentialName: c"


def context(**server):
    listeners = sent(gateway(https(**server)), router())["listeners"]
    (chain,) = listeners["0.0.0.0_443"]["filter_chains"]
    return chain["transport_socket"]["typed_config"]


def secrets(context):
    """The names of the certificates and of the roots, and where they come from."""
    common = context["common_tls_context"]
    found = list(common["tls_certificate_sds_secret_configs"])
    if "combined_validation_context" in common:
        found.append(common["combined_validation_context"]["validation_context_sds_secret_config"])
    return [(one["name"], "ads" in one["sds_config"]) for one in found]


@pytest.mark.parametrize(
    ("mode", "tls", "required", "expected"),
    [
        ("SIMPLE", CREDENTIAL, False, [("kubernetes://c", True)]),
        (
            "MUTUAL",
            CREDENTIAL,
            True,
            [("kubernetes://c", True), ("kubernetes://c-cacert", True)],
        ),
        (
            "OPTIONAL_MUTUAL",
            CREDENTIAL,
            False,
            [("kubernetes://c", True), ("kubernetes://c-cacert", True)],
        ),
        (
            "MUTUAL",
            ", credentialNames: [r, e]",
            True,
            [("kubernetes://r", True), ("kubernetes://e", True), ("kubernetes://r-cacert", True)],
        ),
        (
            "MUTUAL",
            f"{CREDENTIAL}, caCertCredentialName: r",
            True,
            [("kubernetes://c", True), ("kubernetes://r-cacert", True)],
        ),
        ("SIMPLE", FILES, False, [("file-cert:/c.pem~/k.pem", False)]),
        (
            "MUTUAL",
            FILES_AND_ROOTS,
            True,
            [("file-cert:/c.pem~/k.pem", False), ("file-root:/ca.pem", False)],
        ),
        ("ISTIO_MUTUAL", " ", True, [("default", False), ("ROOTCA", False)]),
    ],
)
def test_certificates_come_from_secrets_files_or_the_mesh(mode, tls, required, expected):
    made = context(mode=mode, tls=tls)
    assert made["require_client_certificate"] is required
    assert secrets(made) == expected


def test_what_clients_may_do_is_limited():
    tls = (
        f"{CREDENTIAL}, minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_3, "
        "cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256], ecdhCurves: [X25519]"
    )
    common = context(tls=tls)["common_tls_context"]
    assert common["tls_params"] == {
        "tls_minimum_protocol_version": "TLSv1_2",
        "tls_maximum_protocol_version": "TLSv1_3",
        "cipher_suites": ["ECDHE-RSA-AES128-GCM-SHA256"],
        "ecdh_curves": ["X25519"],
    }
    assert common["alpn_protocols"] == ["h2", "http/1.1"]
    assert "tls_params" not in context(tls=CREDENTIAL)["common_tls_context"]


def test_clients_are_verified_by_names():
    tls = (
        f"{CREDENTIAL}, subjectAltNames: [c.test], insecureSkipVerify: true, "
        "verifyCertificateHash: [e0], verifyCertificateSpki: [NTk=]"
    )
    rules = context(mode="MUTUAL", tls=tls)["common_tls_context"]["combined_validation_context"]
    assert rules["default_validation_context"] == {
        "match_subject_alt_names": [{"exact": "c.test"}],
        "verify_certificate_hash": ["e0"],
        "verify_certificate_spki": ["NTk="],
        "trust_chain_verification": "ACCEPT_UNTRUSTED",
    }


@pytest.mark.parametrize(("build", "exchanges"), [(Build.ENVOY, False), (Build.LATEEN, True)])
def test_peers_of_the_mesh_exchange_who_they_are_on_connections(build, exchanges):
    route = ", tcp: [{route: [{destination: {host: a}}]}]"
    text = gateway(https(mode="ISTIO_MUTUAL", tls=" ", protocol="TLS"))
    proxy = replace(router(), build=build)
    listeners = sent(text + virtual_service(more=route), proxy)["listeners"]
    (chain,) = listeners["0.0.0.0_443"]["filter_chains"]
    common = chain["transport_socket"]["typed_config"]["common_tls_context"]
    assert ("istio-peer-exchange" in common["alpn_protocols"]) is exchanges
    assert (chain["filters"][0]["name"] == "istio.metadata_exchange") is exchanges
