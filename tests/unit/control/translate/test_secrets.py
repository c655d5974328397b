"""Which secrets a proxy gets, and what is in them."""

import base64
import ssl
from dataclasses import replace

import pytest

from lateen.control.offline import translate
from lateen.control.resources.kubernetes.secret import Secret
from lateen.control.translate.certificates import SecretError, certificate_of
from lateen.control.translate.secrets import Secrets
from tests.support.gateways import gateway, https, pair, secret
from tests.support.mesh import mesh_of, router, sidecar
from tests.support.tls_files import tls_files

OWN = secret("c", **pair("srv"))
GATEWAY = gateway(https())
NAME, ROOTS = "kubernetes://c", "kubernetes://c-cacert"


def named(text, proxy=None):
    return sorted(Secrets(mesh_of(text), proxy or router()).names)


def found(text, name=NAME, proxy=None):
    proxy = proxy or replace(router(), trusted=True)
    return Secrets(mesh_of(text), proxy).secret(name)


def content(file):
    return (tls_files() / file).read_bytes()


def test_a_gateway_gets_what_its_servers_name():
    made = found(GATEWAY + OWN)
    assert made.name == NAME
    assert made.tls_certificate.certificate_chain.inline_bytes == content("srv.pem")
    assert made.tls_certificate.private_key.inline_bytes == content("srv.key")


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        (GATEWAY + OWN, router()),
        (GATEWAY + OWN, replace(router(labels={"istio": "egress"}), trusted=True)),
        (GATEWAY + OWN, replace(router(namespace="shop"), trusted=True)),
        (GATEWAY + OWN, replace(sidecar(namespace="edge"), trusted=True)),
        (GATEWAY + OWN.replace("namespace: edge", "namespace: shop"), None),
        (gateway(https(tls=", credentialName: other")) + OWN, None),
        (GATEWAY, None),
        (GATEWAY + secret("c", **{"tls.crt": "srv.pem"}), None),
        (GATEWAY + secret("c", **{"tls.crt": "srv.pem", "tls.key": "two.key"}), None),
        (GATEWAY + secret("c", **{"tls.crt": "srv.pem", "tls.key": "sealed.key"}), None),
        (GATEWAY + secret("c", **{"tls.crt": "srv.key", "tls.key": "srv.key"}), None),
    ],
    ids=[
        "nobody knows who it is",
        "other labels",
        "other namespace",
        "sidecar",
        "Secret of another namespace",
        "not named",
        "no Secret",
        "no key",
        "another key",
        "key with a password",
        "no certificate",
    ],
)
def test_what_is_not_its_own_it_does_not_get(text, proxy):
    assert found(text, proxy=proxy) is None


def test_another_namespace_cannot_be_named():
    text = gateway(https(tls=", credentialName: kubernetes://shop/c"))
    other = text + OWN.replace("namespace: edge", "namespace: shop")
    assert named(other) == ["kubernetes://shop/c"]
    assert found(other, "kubernetes://shop/c") is None


@pytest.mark.parametrize(
    "entries",
    [
        {**pair("srv"), "ca.crt": "ca.pem", "ca.crl": "crl.pem"},
        {"cert": "srv.pem", "key": "srv.key", "cacert": "ca.pem", "crl": "crl.pem"},
    ],
    ids=["kubernetes.io/tls", "generic"],
)
def test_roots_are_in_the_same_secret_or_beside_it(entries):
    mutual = gateway(https(mode="MUTUAL"))
    assert named(mutual) == [NAME, ROOTS]
    together = found(mutual + secret("c", **entries), ROOTS).validation_context
    assert together.trusted_ca.inline_bytes == content("ca.pem")
    assert together.crl.inline_bytes == content("crl.pem")
    beside = mutual + OWN + secret("c-cacert", cacert="other.pem")
    made = found(beside, ROOTS).validation_context
    assert made.trusted_ca.inline_bytes == content("other.pem")
    assert found(mutual + OWN, ROOTS) is None


def test_text_needs_no_encoding():
    key = content("srv.key").decode().replace("\n", "\n    ")
    chain = content("srv.pem").decode().replace("\n", "\n    ")
    text = f"{secret('c')[:-6]}stringData:\n  tls.crt: |\n    {chain}\n  tls.key: |\n    {key}\n"
    assert found(GATEWAY + text).tls_certificate.private_key.inline_bytes == content("srv.key")


def test_a_certificate_with_a_key_of_no_known_kind_is_of_no_use():
    der = ssl.PEM_cert_to_DER_cert(content("srv.pem").decode())
    # The object identifier of keys on elliptic curves, and one that nobody has.
    der = der.replace(bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d027f"))
    data = {"tls.crt": ssl.DER_cert_to_PEM_cert(der), "tls.key": content("srv.key").decode()}
    with pytest.raises(SecretError, match="key of no known kind"):
        certificate_of(Secret(string_data=data))


RULE = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out, namespace: edge}
spec: {hosts: [out.com], ports: [{number: 443, name: h, protocol: HTTP}], resolution: DNS}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: out, namespace: edge}
spec:
  host: out.com
  SELECTOR
  trafficPolicy: {tls: {mode: MUTUAL, credentialName: c, sni: out.com}}
"""
ALL = RULE.replace("SELECTOR", "exportTo: ['*']")
SOME = RULE.replace("SELECTOR", "workloadSelector: {matchLabels: {app: a}}")
APP = sidecar(namespace="edge", labels={"app": "a"})


def socket(text, proxy):
    made = translate(mesh_of(text), proxy)["clusters"]
    (cluster,) = (one for one in made if one["name"] == "outbound|443||out.com")
    return cluster.get("transport_socket", {}).get("typed_config")


@pytest.mark.parametrize(
    ("rule", "proxy", "expected"),
    [
        (ALL, router(), True),
        (ALL, APP, False),
        (SOME, APP, True),
        (SOME, sidecar(namespace="edge"), False),
    ],
    ids=["gateway", "sidecars, all", "sidecars, some", "sidecar, not selected"],
)
def test_rules_name_secrets_for_gateways_and_for_sidecars_that_they_select(rule, proxy, expected):
    made = socket(rule, proxy)
    assert named(rule, proxy) == ([NAME, ROOTS] if expected else [])
    if not expected:
        assert made is None
        return
    (own,) = made["common_tls_context"]["tls_certificate_sds_secret_configs"]
    assert (own["name"], own["sds_config"]["ads"]) == (NAME, {})


def test_private_keys_are_shown_only_when_they_are_wanted():
    mesh = mesh_of(GATEWAY + OWN)
    (hidden,) = translate(mesh, router())["secrets"]
    key = hidden["tls_certificate"]["private_key"]["inline_bytes"]
    assert base64.b64decode(key) == b"[redacted]"
    (shown,) = translate(mesh, router(), private_keys=True)["secrets"]
    key = shown["tls_certificate"]["private_key"]["inline_bytes"]
    assert base64.b64decode(key) == content("srv.key")
