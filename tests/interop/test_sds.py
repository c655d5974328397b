"""Secrets by SDS on both proxies: warming, rotation under load, bad secrets, watched files."""

from __future__ import annotations

import base64
import contextlib
import shutil
import ssl
import threading

import pytest

from tests.support.client import Client, get
from tests.support.proxies import envoy_command
from tests.support.tls_files import tls_files
from tests.support.xds_resources import (
    ADS,
    CDS,
    EDS,
    LDS,
    PREFIX,
    RDS,
    assignment,
    cluster,
    listener,
    message,
    routes,
)

SDS = PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"
CONTEXT = PREFIX + "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"


def secret(name, certificate, key=None, directory=None):
    """A TLS certificate as a secret: inline, or by the names of files."""
    files = directory or tls_files()

    def source(path):
        return {"filename": str(path)} if directory else {"inline_string": path.read_text()}

    chain = source(files / f"{certificate}.pem")
    private = source(files / f"{key or certificate}.key")
    return message(
        SDS, {"name": name, "tls_certificate": {"certificate_chain": chain, "private_key": private}}
    )


def secured(name, port, secret_name="s"):
    """A listener whose certificate comes by SDS."""
    config = {"name": secret_name, "sds_config": ADS}
    typed = {
        "@type": CONTEXT,
        "common_tls_context": {"tls_certificate_sds_secret_configs": [config]},
    }
    made = listener(name, port)
    socket = {"name": "envoy.transport_sockets.tls", "typed_config": typed}
    other = message(LDS, {"name": name, "filter_chains": [{"transport_socket": socket}]})
    made.filter_chains[0].transport_socket.CopyFrom(other.filter_chains[0].transport_socket)
    return made


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def shown(port, timeout=5):
    """Which certificate a listener shows, after a request that is answered."""
    with Client(("127.0.0.1", port), timeout) as client:
        connection = client.secure(context(), "a.test")
        der = connection.getpeercert(binary_form=True)
        assert client.request(get("/")).status == 200
    for name in ("srv", "rsa", "two"):
        if ssl.PEM_cert_to_DER_cert((tls_files() / f"{name}.pem").read_text()) == der:
            return name
    return "another"


def start(setting, made):
    setting.put(SDS, made) if made is not None else None
    setting.put(CDS, cluster("a"))
    setting.put(EDS, assignment("a", setting.one))
    setting.put(RDS, routes("r", "a"))
    setting.put(LDS, secured("l", setting.port))
    setting.proxy = setting._start()


def test_a_secret_that_changes_is_shown_by_new_connections(setting):
    start(setting, secret("s", "srv"))
    setting.proxy.wait_ready()
    setting.until("srv", lambda: shown(setting.port))
    with Client(("127.0.0.1", setting.port), timeout=5) as kept:
        kept.secure(context(), "a.test")
        assert kept.request(get("/")).status == 200
        setting.put(SDS, secret("s", "rsa"))
        setting.until("rsa", lambda: shown(setting.port))
        assert kept.request(get("/")).status == 200
    stats = setting.proxy.stats("filter=ssl_context_update_by_sds")
    factory = f"listener.127.0.0.1_{setting.port}.server_ssl_socket_factory"
    assert stats[f"{factory}.ssl_context_update_by_sds"] == 2


def test_a_secret_that_cannot_be_used_is_refused_and_the_old_one_stays(setting):
    start(setting, secret("s", "srv"))
    setting.proxy.wait_ready()
    setting.until("srv", lambda: shown(setting.port))
    before = len(setting.server.requests)
    setting.put(SDS, secret("s", "two", key="srv"))
    assert "two" in setting.nack(SDS, before) or "inline" in setting.nack(SDS, before)
    assert shown(setting.port) == "srv"
    setting.put(SDS, secret("s", "two"))
    setting.until("two", lambda: shown(setting.port))


def sealed(key, password, name="sealed.key"):
    """A secret whose key has a password."""
    files = tls_files()
    certificate = {
        "certificate_chain": {"inline_string": (files / f"{key}.pem").read_text()},
        "private_key": {"inline_string": (files / name).read_text()},
        "password": {"inline_string": password},
    }
    return message(SDS, {"name": "s", "tls_certificate": certificate})


def test_a_secret_with_a_password(setting):
    start(setting, secret("s", "two"))
    setting.proxy.wait_ready()
    setting.until("two", lambda: shown(setting.port))
    before = len(setting.server.requests)
    setting.put(SDS, sealed("srv", "nope"))
    assert "Failed to load private key from <inline>, Cause: " in setting.nack(SDS, before)
    assert shown(setting.port) == "two"
    setting.put(SDS, sealed("srv", "secret"))
    setting.until("srv", lambda: shown(setting.port))
    dump = setting.proxy.admin("/config_dump").text
    assert base64.b64encode(b"secret").decode() not in dump


def test_pkcs12_as_a_secret(setting, command):
    start(setting, secret("s", "two"))
    setting.proxy.wait_ready()
    setting.until("two", lambda: shown(setting.port))
    before = len(setting.server.requests)
    bundle = base64.b64encode((tls_files() / "srv.p12").read_bytes()).decode()
    certificate = {"pkcs12": {"inline_bytes": bundle}, "password": {"inline_string": "secret"}}
    setting.put(SDS, message(SDS, {"name": "s", "tls_certificate": certificate}))
    if command == envoy_command():
        # Envoy gives every secret that it takes a chain, and then finds one chain too many.
        assert "can't have both pkcs12 and certificate_chain" in setting.nack(SDS, before)
        return
    setting.until("srv", lambda: shown(setting.port))
    assert bundle not in setting.proxy.admin("/config_dump").text


def test_a_listener_waits_for_its_secret(setting):
    start(setting, None)
    setting.server.wait(lambda seen: seen.type_url == SDS, 10)
    # Lateen's socket is there, and the connection waits.
    with pytest.raises((ConnectionRefusedError, TimeoutError)):
        shown(setting.port, timeout=0.5)
    setting.put(SDS, secret("s", "srv"))
    setting.until("srv", lambda: shown(setting.port))


def test_files_of_a_secret_are_watched(setting, tmp_path):
    live = tmp_path / "live"
    live.mkdir()

    def install(name):
        for ending in ("key", "pem"):
            new = tmp_path / f"new.{ending}"
            shutil.copy(tls_files() / f"{name}.{ending}", new)
            new.rename(live / f"srv.{ending}")

    install("srv")
    start(setting, secret("s", "srv", directory=live))
    setting.proxy.wait_ready()
    setting.until("srv", lambda: shown(setting.port))
    install("rsa")
    setting.until("rsa", lambda: shown(setting.port))
    (tmp_path / "junk").write_text("junk")
    (tmp_path / "junk").rename(live / "srv.pem")
    assert shown(setting.port) == "rsa"
    install("two")
    setting.until("two", lambda: shown(setting.port))


def test_no_request_is_lost_while_certificates_rotate(setting):
    start(setting, secret("s", "srv"))
    setting.proxy.wait_ready()
    setting.until("srv", lambda: shown(setting.port))
    failures, answered, end = [], [], threading.Event()

    def ask():
        while not end.is_set():
            try:
                with Client(("127.0.0.1", setting.port), timeout=10) as client:
                    client.secure(context(), "a.test")
                    for _ in range(3):
                        answered.append(client.request(get("/")).status)
            except OSError as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    with contextlib.ExitStack() as stack:
        for thread in threads:
            thread.start()
            stack.callback(thread.join, 20)
        stack.callback(end.set)
        for number in range(12):
            name = ("srv", "rsa", "two")[number % 3]
            setting.put(SDS, secret("s", name))
            setting.until(name, lambda: shown(setting.port))
    assert failures == []
    assert len(answered) > 20
    assert set(answered) == {200}
