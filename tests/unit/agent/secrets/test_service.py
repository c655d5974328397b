"""Secrets over a socket, as a proxy asks for them."""

import asyncio
from datetime import UTC, datetime

import grpc.aio
import pytest

from lateen.agent.credentials import Credentials
from lateen.agent.secrets.service import DEFAULT, ROOTS, SecretService
from lateen.agent.service import Service
from lateen.protos import envoy_types
from lateen.proxy.xds.endpoints import Endpoint
from lateen.xds.codec import decode_delta, decode_sotw, encode_request
from lateen.xds.messages import DeltaRequest, SotwRequest
from lateen.xds.resource_types import SDS


def credentials(number):
    now = datetime.now(UTC)
    key, chain, roots = (f"{one} {number}".encode() for one in ("key", "chain", "roots"))
    return Credentials(key, chain, roots, now, now)


def secrets(data, delta):
    found = {}
    for one in (decode_delta if delta else decode_sotw)(data).resources:
        found[one.name] = envoy_types().message_class(SDS.message)()
        found[one.name].ParseFromString(one.body)
    return found


def talk(tmp_path, body):
    said = []
    # gRPC takes it for a part of a URI.
    path = tmp_path / "a b%20c"

    async def run():
        service = SecretService(said.append)
        server = Service(path, [service.handler()])
        await server.start()
        try:
            address = Endpoint("", 0, pipe=str(path)).grpc_address
            async with grpc.aio.insecure_channel(address) as channel:
                await body(service, channel)
        finally:
            await server.stop()

    asyncio.run(asyncio.wait_for(run(), 20))
    return said


@pytest.mark.parametrize("delta", [True, False], ids=["delta", "sotw"])
def test_both_secrets_come_and_come_anew(tmp_path, delta):
    def asking(*names, nonce="", error=None):
        kind = DeltaRequest if delta else SotwRequest
        fields = {"subscribe" if delta else "names": names}
        return encode_request(kind(SDS.type_url, nonce=nonce, error=error, **fields), None)

    async def body(service, channel):
        call = channel.stream_stream(SDS.path(delta=delta))()
        await call.write(asking(DEFAULT, ROOTS))
        service.put(credentials(1))
        found = secrets(await call.read(), delta)
        own, trusted = found[DEFAULT].tls_certificate, found[ROOTS].validation_context
        assert own.certificate_chain.inline_bytes == b"chain 1"
        assert own.private_key.inline_bytes == b"key 1"
        assert trusted.trusted_ca.inline_bytes == b"roots 1"
        service.put(credentials(2))
        found = secrets(await call.read(), delta)
        assert found[DEFAULT].tls_certificate.private_key.inline_bytes == b"key 2"
        await call.done_writing()
        assert await call.code() == grpc.StatusCode.OK

    assert talk(tmp_path, body) == []


def test_what_the_proxy_refuses_is_told(tmp_path):
    async def body(service, channel):
        service.put(credentials(1))
        call = channel.stream_stream(SDS.path(delta=False))()
        await call.write(encode_request(SotwRequest(SDS.type_url, names=(DEFAULT,)), None))
        nonce = decode_sotw(await call.read()).nonce
        refusal = SotwRequest(SDS.type_url, names=(DEFAULT,), nonce=nonce, error="bad key")
        await call.write(encode_request(refusal, None))
        await call.write(b"\xff")
        assert await call.code() == grpc.StatusCode.OK

    told = talk(tmp_path, body)
    assert told[0] == "the proxy refuses a secret: bad key"
    assert told[1].startswith("the proxy's request for secrets is malformed")
