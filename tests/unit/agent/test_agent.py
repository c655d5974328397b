"""The agent in one piece: proxy, application and control plane are played here."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import dns.asyncquery
import dns.message
import dns.rcode
import grpc.aio
import pytest

from lateen.agent.agent import Agent
from lateen.agent.options import Options
from lateen.agent.run import Sidecar
from lateen.agent.secrets.service import DEFAULT
from lateen.agent.state import State
from lateen.xds.codec import decode_sotw, encode_request, new_message
from lateen.xds.messages import SotwRequest
from lateen.xds.resource_types import NDS_TYPE_URL, SDS, ads_path
from tests.support.ads_control_plane import ControlPlane, request
from tests.support.name_tables import TABLE
from tests.support.secured import secured_port


def names(nonce, body):
    made = new_message("DeltaDiscoveryResponse")
    made.type_url, made.nonce = NDS_TYPE_URL, nonce
    made.resources.add().resource.value = body
    return made.SerializeToString()


@asynccontextmanager
async def running(tmp_path, discovery, **options):
    """An agent: a channel of its proxy, the port of its names, and itself."""
    chosen = Options(discovery, "web-1", "shop", "10.0.0.1", service_account="web", **options)
    said = []
    async with AsyncExitStack() as stack:
        state = State(tmp_path / "state")
        stack.callback(state.close)
        agent = Agent(chosen, state, said.append)
        port = await agent.start(stack)
        channel = grpc.aio.insecure_channel(f"unix:{state.socket}")
        yield await stack.enter_async_context(channel), port, agent


async def ask(port, name):
    query = dns.message.make_query(name, "A")
    return await dns.asyncquery.udp(query, "127.0.0.1", 10, port)


def run(work):
    asyncio.run(asyncio.wait_for(work, 30))


def test_names_that_the_control_plane_tells_are_answered(tmp_path):
    async def body():
        plane = ControlPlane()
        async with plane.serving() as discovery:
            options = {"plaintext": True, "dns_port": 0}
            async with running(tmp_path, discovery, **options) as (channel, port, agent):
                await agent.certified()
                assert agent.problem == ""
                assert (await ask(port, "reviews")).rcode() == dns.rcode.SERVFAIL
                call = channel.stream_stream(ads_path(delta=True))()
                await call.write(request())
                asked, answers = await plane.streams.get()
                for nonce, table in (("1", TABLE.SerializeToString()), ("2", b"\xff")):
                    answers.put_nowait(names(nonce, table))
                # The request of the proxy, that for names, and one for each answer.
                for _ in range(4):
                    await asked.get()
                # What cannot be read changes nothing.
                (found,) = (await ask(port, "reviews")).answer
                assert found[0].to_text() == "10.1.0.1"

    run(body())


def test_a_proxy_has_the_certificate_that_the_agent_was_given(tmp_path):
    async def body():
        async with secured_port(tmp_path / "ca") as control:
            token = tmp_path / "token"
            token.write_text(control.token("shop", "web"))
            root = tmp_path / "ca" / "root-cert.pem"
            options = {"ca_root": root, "token_file": token, "dns_port": 0}
            discovery = f"127.0.0.1:{control.port}"
            async with running(tmp_path, discovery, **options) as (channel, _, agent):
                await agent.certified()
                call = channel.stream_stream(SDS.path(delta=False))()
                asking = SotwRequest(SDS.type_url, names=(DEFAULT,))
                await call.write(encode_request(asking, None))
                assert b"BEGIN CERTIFICATE" in decode_sotw(await call.read()).resources[0].body
                # The control plane knows the agent by it.
                stream = channel.stream_stream(ads_path(delta=True))()
                await stream.write(request())
                assert await stream.read()

    run(body())


def test_a_part_that_cannot_go_on_ends_the_sidecar(tmp_path, monkeypatch):
    async def fail(_):
        raise KeyError("files")

    monkeypatch.setattr("lateen.agent.secrets.service.SecretService.watch_files", fail)
    # Nothing answers there: it waits for a certificate.
    where = ("127.0.0.1:1", "web-1", "shop", "10.0.0.1")
    root = tmp_path / "root.pem"
    chosen = Options(*where, ca_root=root, dns_port=0, ready_port=0, state=tmp_path / "state")

    async def body():
        async with asyncio.timeout(20):
            with pytest.raises(KeyError, match="files"):
                await Sidecar(chosen, [].append).run()

    run(body())
