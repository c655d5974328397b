"""Who may be which proxy: aggregated streams over TLS."""

import asyncio
from datetime import timedelta

import grpc
import pytest
from cryptography import x509

from lateen.control.mesh_config import MeshConfig
from lateen.identity.spiffe import Identity
from lateen.xds.codec import parse_message
from lateen.xds.resource_types import CDS
from tests.support.authorities import certified
from tests.support.secured import node_of, refusal, secured_port

WEB = Identity("cluster.local", "shop", "web")
UNKNOWN, DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("service_account", ["", "web"])
def test_a_proxy_of_its_certificate_is_served(tmp_path, service_account):
    async def body():
        async with secured_port(tmp_path) as port:
            key, issued = await port.join(WEB)
            answer = await port.subscribe(node_of("shop"), key, issued.chain, service_account)
            return answer, port

    answer, port = asyncio.run(body())
    assert parse_message("DeltaDiscoveryResponse", answer).type_url == CDS.type_url
    assert port.said == []


@pytest.mark.parametrize(
    ("namespace", "service_account", "reason"),
    [
        ("bank", "", f"{WEB} is not service account 'web' of namespace 'bank'"),
        ("bank", "web", f"{WEB} is not service account 'web' of namespace 'bank'"),
        ("shop", "vault", f"{WEB} is not service account 'vault' of namespace 'shop'"),
    ],
)
def test_a_client_that_connects_as_another_node_is_refused_and_told(
    tmp_path, namespace, service_account, reason
):
    async def body():
        async with secured_port(tmp_path) as port:
            key, issued = await port.join(WEB)
            node = node_of(namespace)
            return await refusal(port.subscribe(node, key, issued.chain, service_account)), port

    refused, port = asyncio.run(body())
    assert refused == (DENIED, reason)
    (line,) = port.said
    assert line.startswith("refused 127.0.0.1:")
    assert line.endswith(f": node {node_of(namespace)!r}: {reason}")


def test_a_client_without_a_certificate_is_refused_and_told(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            return await refusal(port.subscribe(node_of("shop"), b"", b"")), port

    refused, port = asyncio.run(body())
    assert refused == (UNKNOWN, "a client certificate of the mesh is needed")
    assert len(port.said) == 1


def test_a_certificate_of_another_trust_domain_is_refused_and_told(tmp_path):
    """Also where the same root vouches for it."""
    foreign = Identity("other.example", "shop", "web")

    async def body():
        async with secured_port(tmp_path) as port:
            key, chain = certified(tmp_path, foreign)
            return await refusal(port.subscribe(node_of("shop"), key, chain)), port

    refused, port = asyncio.run(body())
    assert refused == (UNKNOWN, f"{foreign} is of another trust domain than the mesh")
    assert refused[1] in port.said[0]


def test_a_certificate_of_two_identities_proves_none(tmp_path):
    """Source: X.509-SVID, section 2: a certificate has exactly one URI."""
    other = x509.UniformResourceIdentifier("spiffe://cluster.local/ns/bank/sa/vault")

    async def body():
        async with secured_port(tmp_path) as port:
            key, chain = certified(tmp_path, WEB, names=[other])
            return await refusal(port.subscribe(node_of("shop"), key, chain))

    reason = "the client certificate names 2 identities, not one"
    assert asyncio.run(body()) == (UNKNOWN, reason)


def test_an_alias_of_the_trust_domain_is_as_good(tmp_path):
    config = MeshConfig(trust_domain_aliases=("old.example",))

    async def body():
        async with secured_port(tmp_path, config) as port:
            key, chain = certified(tmp_path, Identity("old.example", "shop", "web"))
            return await port.subscribe(node_of("shop"), key, chain)

    assert asyncio.run(body())


def test_a_stream_ends_with_the_certificate_of_its_client(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            key, chain = certified(tmp_path, WEB, timedelta(seconds=2))
            async with port.stream(node_of("shop"), key, chain) as call:
                assert await call.read()
                with pytest.raises(grpc.aio.AioRpcError) as ended:
                    await asyncio.wait_for(call.read(), 10)
            return ended.value.code()

    assert asyncio.run(body()) is grpc.StatusCode.UNAVAILABLE
