"""Two control planes on the same files: workloads join, renew, and outlive a change of the root."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from lateen.control.ca.files import ROOT
from lateen.identity.client import Issued
from lateen.identity.keys import key_pem, new_key, signing_request
from lateen.identity.spiffe import Identity
from tests.support.control_plane import LATEEN, bootstrap, control_command, running
from tests.support.proxies import Proxy, envoy_command, lateen_command
from tests.support.secured import Clients, node_of
from tests.support.waiting import until

WEB = Identity("cluster.local", "shop", "web")


@dataclass
class ControlPlane:
    """A process of `lateen control`."""

    log: Path

    def said(self, text: str, times: int = 1) -> str:
        """The line of its log that has a text for the first time, or a later, within the limit."""

        def lines() -> list[str]:
            found = [line for line in self.log.read_text().splitlines() if text in line]
            return found[times - 1 :]

        return until(lines)[0]

    @property
    def port(self) -> int:
        return int(self.said("with TLS, on port").rpartition(" ")[2])


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
    argv = [*control_command(manifests), "--ca", str(authority), "--secure-address", "127.0.0.1:0"]
    planes = [ControlPlane(tmp_path / f"{number}.log") for number in range(2)]
    with running(argv, planes[0].log), running(argv, planes[1].log):
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


def secured_bootstrap(port: int, folder: Path) -> dict[str, object]:
    """A proxy that asks for clusters with its certificate, and for the server's."""
    tls = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
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
    made = bootstrap(port, node_of("shop"), {})
    made["static_resources"]["clusters"][0]["transport_socket"] = {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {"@type": f"type.googleapis.com/{tls}", "common_tls_context": context},
    }
    # Its listeners' ports are those of every sidecar of this machine.
    del made["dynamic_resources"]["lds_config"]
    return made


@pytest.mark.parametrize("name", ["lateen", "envoy"])
def test_a_proxy_is_served_by_its_certificate(pair, tmp_path, name):
    command = {"lateen": lateen_command(), "envoy": envoy_command()}[name]
    if command is None:
        pytest.skip(f"no {name}: make build, make .venv-envoy/.installed")
    key, issued = asyncio.run(pair.clients(0).join(WEB, pair.token()))
    for file, content in (("key", key), ("chain", issued.chain), ("roots", issued.roots)):
        (tmp_path / f"{file}.pem").write_bytes(content)
    with Proxy(command, secured_bootstrap(pair.planes[1].port, tmp_path)) as proxy:
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
