import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from cryptography import x509

from lateen.control.ca.tokens import Tokens
from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from lateen.control.push.plane import Plane
from lateen.control.server import Server
from lateen.identity import keys
from lateen.identity.client import SERVICE
from lateen.identity.keys import new_key
from lateen.identity.spiffe import Identity
from tests.support.authorities import ADMIN, certified, intermediate, signing_request
from tests.support.secured import refusal, secured_port

WEB = Identity("cluster.local", "shop", "web")


def uri(pem):
    (leaf, *_) = x509.load_pem_x509_certificates(pem)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (only,) = names
    return only.value


def test_a_join_token_gets_a_certificate_and_that_the_next_one(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            key, issued = await port.join(WEB)
            again = await port.ask(keys.signing_request(new_key(), WEB), "", key, issued.chain)
            return issued, again, port

    issued, again, port = asyncio.run(body())
    assert uri(issued.chain) == uri(again.chain) == str(WEB)
    assert issued.roots == again.roots == (tmp_path / "root-cert.pem").read_bytes()
    left = again.not_after - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert port.opened.counts.csr_count == port.opened.counts.success_cert_issuance_count == 2
    assert port.said == []


def test_a_token_that_was_used_is_refused_and_told(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            token = port.token("shop", "web")
            await port.join(WEB, token)
            return await refusal(port.join(WEB, token)), token, port

    refused, token, port = asyncio.run(body())
    identifier, _, secret = token.partition(".")
    reason = f"join token {identifier} was used already"
    assert refused == (grpc.StatusCode.UNAUTHENTICATED, reason)
    (line,) = port.said
    assert line.startswith("refused 127.0.0.1:")
    assert line.endswith(f": CreateCertificate: {reason}")
    assert secret not in line
    assert port.opened.counts.authentication_failure_count == 1


def test_of_many_calls_with_one_token_one_gets_a_certificate(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            token = port.token("shop", "web")
            calls = [port.join(WEB, token) for _ in range(8)]
            return await asyncio.gather(*calls, return_exceptions=True)

    found = asyncio.run(body())
    failed = [one for one in found if isinstance(one, grpc.aio.AioRpcError)]
    assert len(failed) == 7
    assert {one.code() for one in failed} == {grpc.StatusCode.UNAUTHENTICATED}


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "a client certificate of the mesh is needed"),
        ("nonsense", "this is no join token"),
        (f"../../{'a' * 10}.{'b' * 43}", "this is no join token"),
        (f"0123456789abcdef.{'b' * 43}", "join token 0123456789abcdef is unknown"),
    ],
)
def test_who_does_not_prove_who_it_is_is_refused(tmp_path, token, reason):
    async def body():
        async with secured_port(tmp_path) as port:
            request = keys.signing_request(new_key(), WEB)
            return await refusal(port.ask(request, token)), port

    refused, port = asyncio.run(body())
    assert refused == (grpc.StatusCode.UNAUTHENTICATED, reason)
    assert [line.endswith(reason) for line in port.said] == [True]
    assert port.opened.counts.authentication_failure_count == 1
    assert port.opened.counts.success_cert_issuance_count == 0


def test_an_id_with_another_secret_is_as_unknown(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            identifier = port.token("shop", "web").partition(".")[0]
            forged = f"{identifier}.{'A' * 43}"
            return await refusal(port.join(WEB, forged)), identifier

    refused, identifier = asyncio.run(body())
    reason = f"join token {identifier} is unknown"
    assert refused == (grpc.StatusCode.UNAUTHENTICATED, reason)


def test_a_token_that_has_expired_is_refused_and_told(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            token = port.token("shop", "web", life_s=-1)
            return await refusal(port.join(WEB, token)), port

    (code, reason), port = asyncio.run(body())
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert reason.endswith("has expired")
    assert reason in port.said[0]


FOREIGN = [
    (x509.UniformResourceIdentifier(ADMIN),),
    (x509.UniformResourceIdentifier(str(WEB)), x509.DNSName("bank.example")),
    (x509.UniformResourceIdentifier("spiffe://other/ns/shop/sa/web"),),
]


@pytest.mark.parametrize("names", FOREIGN)
def test_a_request_of_a_token_that_names_another_is_refused_and_costs_no_token(tmp_path, names):
    async def body():
        async with secured_port(tmp_path) as port:
            token = port.token("shop", "web")
            refused = await refusal(port.ask(signing_request(None, *names), token))
            return refused, port

    (code, reason), port = asyncio.run(body())
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert reason == f"{WEB} asks for a certificate of {names[-1].value!r}"
    assert reason in port.said[0]
    assert port.opened.counts.id_extraction_err_count == 1
    assert [known.state for known in Tokens(tmp_path).known()] == ["ready"]


def test_what_a_request_names_is_told_in_short(tmp_path):
    names = [x509.DNSName(f"{number}." + "x" * 1000) for number in range(9)]

    async def body():
        async with secured_port(tmp_path) as port:
            token = port.token("shop", "web")
            return await refusal(port.ask(signing_request(None, *names), token))

    reason = asyncio.run(body())[1]
    assert reason.endswith("x' and 6 more")
    assert len(reason) < 500


def test_a_request_of_a_certificate_that_names_another_is_refused(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            key, issued = await port.join(WEB)
            return await refusal(port.ask(signing_request(), "", key, issued.chain)), port

    (code, reason), port = asyncio.run(body())
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert reason == f"{WEB} asks for a certificate of {ADMIN!r}"
    assert reason in port.said[0]


def test_a_request_that_is_none_is_refused_and_costs_no_token(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            return await refusal(port.ask(b"nonsense", port.token("shop", "web"))), port

    (code, reason), port = asyncio.run(body())
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert reason.startswith("the request is no certificate signing request")
    assert port.opened.counts.csr_parsing_err_count == 1
    assert [known.state for known in Tokens(tmp_path).known()] == ["ready"]


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (timedelta(minutes=10), timedelta(minutes=10)),
        (timedelta(seconds=-1), timedelta(hours=24)),
        (timedelta(days=100_000), timedelta(days=90)),
    ],
)
def test_how_long_a_certificate_is_valid(tmp_path, asked, given):
    async def body():
        async with secured_port(tmp_path) as port:
            return (await port.join(WEB, life=asked))[1]

    left = asyncio.run(body()).not_after - datetime.now(UTC)
    assert given - timedelta(seconds=30) < left <= given


def test_a_workload_of_an_older_trust_domain_gets_a_certificate_of_the_present_one(tmp_path):
    config = MeshConfig(trust_domain="new.example", trust_domain_aliases=("old.example",))

    async def body():
        async with secured_port(tmp_path, config) as port:
            old = Identity("old.example", "shop", "web")
            request = keys.signing_request(new_key(), old)
            return await port.ask(request, "", *certified(tmp_path, old))

    assert uri(asyncio.run(body()).chain) == "spiffe://new.example/ns/shop/sa/web"


def test_a_given_intermediate_is_sent_with_what_it_signs(tmp_path):
    folder = intermediate(tmp_path)

    async def body():
        async with secured_port(folder) as port:
            key, issued = await port.join(WEB)
            return issued, await port.ask(
                keys.signing_request(new_key(), WEB), "", key, issued.chain
            )

    issued, again = asyncio.run(body())
    leaf, between = x509.load_pem_x509_certificates(again.chain)
    leaf.verify_directly_issued_by(between)
    assert again.roots == issued.roots == (folder / "root-cert.pem").read_bytes()


def test_without_tls_there_are_no_certificates(tmp_path):
    """What is served on the port without TLS does not know the service."""

    async def body():
        server = Server(Plane(Mesh(MeshConfig(), "cluster.local", ())))
        port = server.listen_plain("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary(f"/{SERVICE}/CreateCertificate")
            refused = await refusal(call(b"", timeout=5))
        await server.stop(0)
        return refused

    assert asyncio.run(body())[0] is grpc.StatusCode.UNIMPLEMENTED
