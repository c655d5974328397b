"""TLS with real peers: openssl, curl and nginx."""

from __future__ import annotations

import shutil
import socket as sockets
import subprocess
import time
from contextlib import contextmanager

import pytest

from tests.support.ports import PortLease
from tests.support.proxies import Proxy, lateen_command
from tests.support.tls_files import tls_files
from tests.support.upstream import Script, Upstream, reply

PACKAGE = "type.googleapis.com/envoy.extensions"
HCM = f"{PACKAGE}.filters.network.http_connection_manager.v3.HttpConnectionManager"
TLS = f"{PACKAGE}.transport_sockets.tls.v3"
SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
SUITES_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


def certificate(name):
    files = tls_files()
    return {
        "certificate_chain": {"filename": str(files / f"{name}.pem")},
        "private_key": {"filename": str(files / f"{name}.key")},
    }


def socket(kind, **fields):
    typed = {"@type": f"{TLS}.{kind}", **fields}
    return {"name": "envoy.transport_sockets.tls", "typed_config": typed}


def configuration(port, upstream_port, upstream_socket=None):
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{PACKAGE}.filters.http.router.v3.Router"},
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": "up"}}
    manager = {
        "@type": HCM,
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]},
        "http_filters": [router],
    }
    common = {
        "tls_certificates": [certificate("srv"), certificate("rsa")],
        "alpn_protocols": ["h2", "http/1.1"],
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": upstream_port}}
    cluster = {
        "name": "up",
        "load_assignment": {
            "cluster_name": "up",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    if upstream_socket is not None:
        cluster["transport_socket"] = upstream_socket
    chain = {
        "filters": [{"name": "hcm", "typed_config": manager}],
        "transport_socket": socket("DownstreamTlsContext", common_tls_context=common),
    }
    listener = {
        "name": "l",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [chain],
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


@pytest.fixture(scope="module")
def port():
    command = lateen_command()
    if command is None:
        pytest.skip("no lateen command: run make build, or set LATEEN_TEST_COMMAND")
    answers = Script([reply(body=b"hello")])
    with (
        PortLease() as lease,
        Upstream(answers) as upstream,
        Proxy(command, configuration(lease.port, upstream.port)),
    ):
        yield lease.port


def run(*command, text=""):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def wait_for_port(port, process):
    """Waits until somebody listens."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            sockets.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("nginx does not listen")


def s_client(port, *options):
    request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
    command = ("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "a.test")
    return run(*command, "-ign_eof", *options, text=request)


@pytest.mark.parametrize("suite", SUITES)
def test_suites_of_tls_12(port, suite):
    said = s_client(port, "-tls1_2", "-cipher", suite)
    assert f"New, TLSv1.2, Cipher is {suite}" in said
    assert "hello" in said


@pytest.mark.parametrize("suite", SUITES_13)
def test_suites_of_tls_13(port, suite):
    said = s_client(port, "-tls1_3", "-ciphersuites", suite)
    assert f"New, TLSv1.3, Cipher is {suite}" in said
    assert "hello" in said


@pytest.mark.parametrize("curve", ["X25519", "P-256"])
def test_curves(port, curve):
    assert "hello" in s_client(port, "-curves", curve)


@pytest.mark.parametrize(
    "options", [("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), ("-curves", "P-521")]
)
def test_what_is_not_spoken_is_refused(port, options):
    said = s_client(port, *options)
    assert "hello" not in said
    assert "alert" in said


def test_the_chain_can_be_verified(port):
    said = s_client(port, "-CAfile", str(tls_files() / "ca.pem"), "-verify_hostname", "a.test")
    assert "Verify return code: 0 (ok)" in said


@pytest.mark.parametrize(("option", "version"), [("--http1.1", "1.1"), ("--http2", "2")])
def test_curl_speaks_what_alpn_agrees_on(port, option, version):
    ca = str(tls_files() / "ca.pem")
    url = f"https://a.test:{port}/"
    resolve = f"a.test:{port}:127.0.0.1"
    said = run(
        "curl", "-sS", option, "--cacert", ca, "--resolve", resolve, "-w", " %{http_version}", url
    )
    assert said == f"hello {version}"


@contextmanager
def nginx(directory, listen, *directives):
    """Run nginx with one TLS server until it listens, and for the block's length: its port."""
    files = tls_files()
    directory.chmod(0o755)
    with PortLease() as lease:
        (directory / "nginx.conf").write_text(f"""
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {directory}/a; proxy_temp_path {directory}/b;
  fastcgi_temp_path {directory}/c; uwsgi_temp_path {directory}/d; scgi_temp_path {directory}/e;
  server {{
    listen 127.0.0.1:{lease.port} {listen};
    ssl_certificate {files}/srv.pem;
    ssl_certificate_key {files}/srv.key;
    {" ".join(directives)}
  }}
}}
""")
        argv = ["nginx", "-c", str(directory / "nginx.conf"), "-p", str(directory)]
        process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(lease.port, process)
            yield lease.port
        finally:
            process.terminate()
            process.wait(10)


def the_command():
    command = lateen_command()
    if command is None:
        pytest.skip("no lateen command: run make build, or set LATEEN_TEST_COMMAND")
    return command


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx")
@pytest.mark.parametrize("protocol", ["TLSv1.2", "TLSv1.3"])
def test_nginx_as_upstream(tmp_path, protocol):
    command, files = the_command(), tls_files()
    directives = (
        f"ssl_protocols {protocol};",
        f"ssl_client_certificate {files}/ca.pem;",
        "ssl_verify_client on;",
        'location / { return 200 "$ssl_protocol $ssl_server_name $ssl_client_s_dn"; }',
    )
    context = {
        "tls_certificates": [certificate("cli")],
        "validation_context": {"trusted_ca": {"filename": str(files / "ca.pem")}},
        "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
    }
    secured = socket("UpstreamTlsContext", common_tls_context=context, sni="a.test")
    with (
        PortLease() as lease,
        nginx(tmp_path, "ssl", *directives) as port,
        Proxy(command, configuration(lease.port, port, secured)),
    ):
        assert f"{protocol} a.test O=Tests,CN=cli" in s_client(lease.port)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx")
@pytest.mark.parametrize(
    ("listen", "protocol"), [("ssl http2", "HTTP/2.0"), ("ssl", "HTTP/1.1")], ids=["h2", "http1"]
)
def test_an_upstream_is_spoken_to_as_alpn_says(tmp_path, listen, protocol):
    command, files = the_command(), tls_files()
    context = {"validation_context": {"trusted_ca": {"filename": str(files / "ca.pem")}}}
    secured = socket("UpstreamTlsContext", common_tls_context=context, sni="a.test")
    location = 'location / { return 200 "spoken: $server_protocol"; }'
    with PortLease() as lease, nginx(tmp_path, listen, location) as port:
        config = configuration(lease.port, port, secured)
        options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        typed = {"@type": f"type.googleapis.com/{options}", "auto_config": {}}
        (cluster,) = config["static_resources"]["clusters"]
        cluster["typed_extension_protocol_options"] = {options: typed}
        with Proxy(command, config):
            assert f"spoken: {protocol}" in s_client(lease.port)
