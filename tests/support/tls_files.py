"""A set of certificates for tests of TLS, made once a process with the openssl command."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

_CONFIG = """
[ca]
default_ca = here
[here]
dir = {directory}
database = {directory}/index.txt
new_certs_dir = {directory}
serial = {directory}/serial
crlnumber = {directory}/crlnumber
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
copy_extensions = copy
crl_extensions = crl
[any]
commonName = supplied
organizationName = optional
[crl]
authorityKeyIdentifier = keyid
"""
_P256 = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
_RSA = ("rsa:2048",)
_AUTHORITY = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
_LEAF = "basicConstraints=CA:FALSE"


@functools.cache
def tls_files() -> Path:
    """The directory of the set: NAME.pem and NAME.key.

    Authorities: `ca`, `other`, and `middle`, which `ca` vouches for. Of `ca`: `srv` (a.test,
    *.b.test, 127.0.0.1), `rsa` (the same with an RSA key), `two` (two.test), `cli` (spiffe://d.test/x,
    c.test, me@c.test, 10.1.2.3), `revoked` (in `crl.pem`), `expired`, `future`, `client_only` and
    `server_only` (extended key usage). Of `middle`: `deep`, with `deep_chain.pem`. Of `other`:
    `stranger`. Of itself: `own`. The key of `srv` with the password `secret`: `sealed.key`,
    `legacy.key` (OpenSSL's older form) and, with its chain, `srv.p12`; `open.p12` has an empty one.
    """
    directory = Path(tempfile.mkdtemp(prefix="lateen-tls-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    (directory / "ca.cnf").write_text(_CONFIG.format(directory=directory))
    (directory / "index.txt").touch()
    (directory / "serial").write_text("1000\n")
    (directory / "crlnumber").write_text("1000\n")
    for name in ("ca", "other"):
        _self_signed(directory, name, *_AUTHORITY)
    _issue(directory, "middle", _AUTHORITY)
    server = "subjectAltName=DNS:a.test,DNS:*.b.test,IP:127.0.0.1"
    _issue(directory, "srv", (server, _LEAF))
    _issue(directory, "rsa", (server, _LEAF), key=_RSA)
    _issue(directory, "two", ("subjectAltName=DNS:two.test", _LEAF))
    client = "subjectAltName=URI:spiffe://d.test/x,DNS:c.test,email:me@c.test,IP:10.1.2.3"
    _issue(directory, "cli", (client, _LEAF, "keyUsage=digitalSignature"))
    _issue(directory, "revoked", (client, _LEAF))
    _issue(directory, "expired", (server, _LEAF), dates=("20200101000000Z", "20210101000000Z"))
    _issue(directory, "future", (server, _LEAF), dates=("20900101000000Z", "20910101000000Z"))
    _issue(directory, "client_only", (server, _LEAF, "extendedKeyUsage=clientAuth"))
    _issue(directory, "server_only", (client, _LEAF, "extendedKeyUsage=serverAuth"))
    _issue(directory, "deep", (server, _LEAF), authority="middle")
    chain = [(directory / f"{name}.pem").read_text() for name in ("deep", "middle")]
    (directory / "deep_chain.pem").write_text("".join(chain))
    _issue(directory, "stranger", (server, _LEAF), authority="other")
    _self_signed(directory, "own", server)
    _sealed(directory)
    _ca(directory, "-revoke", str(directory / "revoked.pem"))
    _ca(directory, "-gencrl", "-out", str(directory / "crl.pem"))
    return directory


def fingerprint(name: str) -> str:
    """The hexadecimal SHA-256 of a certificate of the set."""
    text = _openssl("x509", "-in", str(tls_files() / f"{name}.pem"), "-noout", "-fingerprint",
                    "-sha256")  # fmt: skip
    return text.split("=")[1].strip().replace(":", "").lower()


def key_fingerprint(name: str) -> str:
    """The base64 SHA-256 of the public key of a certificate of the set."""
    certificate = str(tls_files() / f"{name}.pem")
    command = (
        f"openssl x509 -in {certificate} -noout -pubkey | openssl pkey -pubin -outform DER"
        " | openssl dgst -sha256 -binary | openssl enc -base64"
    )
    done = subprocess.run(command, shell=True, check=True, capture_output=True, timeout=30)
    return done.stdout.decode().strip()


def _sealed(directory: Path) -> None:
    key, certificate = str(directory / "srv.key"), str(directory / "srv.pem")
    _openssl("pkcs8", "-topk8", "-in", key, "-out", str(directory / "sealed.key"),
             "-passout", "pass:secret")  # fmt: skip
    _openssl("ec", "-in", key, "-aes128", "-out", str(directory / "legacy.key"),
             "-passout", "pass:secret")  # fmt: skip
    for name, password in (("srv", "secret"), ("open", "")):
        _openssl("pkcs12", "-export", "-in", certificate, "-inkey", key,
                 "-certfile", str(directory / "ca.pem"), "-out", str(directory / f"{name}.p12"),
                 "-passout", f"pass:{password}")  # fmt: skip


def _self_signed(directory: Path, name: str, *extensions: str) -> None:
    _openssl(
        "req", "-x509", "-newkey", *_P256, "-nodes", "-keyout", str(directory / f"{name}.key"),
        "-out", str(directory / f"{name}.pem"), "-days", "30", "-subj", f"/O=Tests/CN={name}",
        *(part for each in extensions for part in ("-addext", each)),
    )  # fmt: skip


def _issue(
    directory: Path,
    name: str,
    extensions: tuple[str, ...],
    *,
    key: tuple[str, ...] = _P256,
    authority: str = "ca",
    dates: tuple[str, str] | None = None,
) -> None:
    request = str(directory / f"{name}.csr")
    _openssl(
        "req", "-new", "-newkey", *key, "-nodes", "-keyout", str(directory / f"{name}.key"),
        "-out", request, "-subj", f"/O=Tests/CN={name}",
        *(part for each in extensions for part in ("-addext", each)),
    )  # fmt: skip
    when = ("-startdate", dates[0], "-enddate", dates[1]) if dates else ()
    _ca(directory, "-batch", "-notext", "-in", request, "-out", str(directory / f"{name}.pem"),
        *when, authority=authority)  # fmt: skip


def _ca(directory: Path, *arguments: str, authority: str = "ca") -> None:
    _openssl(
        "ca", "-config", str(directory / "ca.cnf"), "-cert", str(directory / f"{authority}.pem"),
        "-keyfile", str(directory / f"{authority}.key"), *arguments,
    )  # fmt: skip


def _openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
    return done.stdout.decode()
