import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from lateen.identity.keys import new_key, signing_request
from lateen.identity.spiffe import Identity
from tests.support.secured import secured_port

WEB = Identity("cluster.local", "shop", "web")


def test_a_join_token_gets_a_certificate_and_that_the_next_one(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            key, issued = await port.join(WEB)
            again = await port.ask(signing_request(new_key(), WEB), "", key, issued.chain)
            return issued, again, port

    issued, again, port = asyncio.run(body())
    assert issued.roots == again.roots == (tmp_path / "root-cert.pem").read_bytes()
    left = again.not_after - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert port.opened.counts.success_cert_issuance_count == 2


async def refusal(call):
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return failed.value.code(), failed.value.details()


def test_a_token_that_was_used_is_refused_and_told(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            token = port.token("shop", "web")
            await port.join(WEB, token)
            return await refusal(port.join(WEB, token)), token, port

    (code, details), token, port = asyncio.run(body())
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert details == f"join token {token.partition('.')[0]} was used already"
    assert len(port.said) == 1
    assert "refused 127.0.0.1:" in port.said[0]
    assert details in port.said[0]
    assert token.partition(".")[2] not in port.said[0]
    assert port.opened.counts.authentication_failure_count == 1
