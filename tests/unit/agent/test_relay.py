"""The relay between a proxy and a control plane, both played here."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import grpc.aio
import pytest

from lateen.agent.relay import Relay
from lateen.agent.service import Service
from lateen.agent.upstream import Upstream, UpstreamError
from lateen.xds.codec import parse_message, type_url_of
from lateen.xds.resource_types import CDS, NDS_TYPE_URL, ads_path
from tests.support.ads_control_plane import ControlPlane, kind, request, response

LIMIT_S = 20
DELTA = pytest.mark.parametrize("delta", [True, False], ids=["delta", "sotw"])


@asynccontextmanager
async def relayed(tmp_path, open_channel, on_names=lambda _: None):
    """A channel of a proxy to its agent, and what the agent says."""
    said = []
    socket = tmp_path / "agent.sock"
    service = Service(socket, [Relay(open_channel, on_names, said.append).handler()])
    await service.start()
    try:
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            yield channel, said
    finally:
        await service.stop()


def run(work):
    asyncio.run(asyncio.wait_for(work, LIMIT_S))


@DELTA
def test_messages_are_passed_on_as_they_are(tmp_path, delta):
    async def body():
        plane = ControlPlane()
        async with AsyncExitStack() as stack:
            upstream = Upstream(await stack.enter_async_context(plane.serving()), None)
            channel, _ = await stack.enter_async_context(
                relayed(tmp_path, lambda: upstream.open(None))
            )
            call = channel.stream_stream(ads_path(delta=delta))()
            await call.write(request(delta=delta))
            asked, answers = await plane.streams.get()
            assert await asked.get() == request(delta=delta)
            answers.put_nowait(response(CDS.type_url, "1", delta))
            assert await call.read() == response(CDS.type_url, "1", delta)

    run(body())


@DELTA
@pytest.mark.parametrize("error", [None, "no table"])
def test_names_are_asked_for_beside_and_kept_from_the_proxy(tmp_path, delta, error):
    async def body():
        plane = ControlPlane()
        names = []

        def on_names(answer):
            names.append(answer.nonce)
            return error

        async with AsyncExitStack() as stack:
            upstream = Upstream(await stack.enter_async_context(plane.serving()), None)
            channel, _ = await stack.enter_async_context(
                relayed(tmp_path, lambda: upstream.open(None), on_names)
            )
            call = channel.stream_stream(ads_path(delta=delta))()
            await call.write(request(delta=delta))
            asked, answers = await plane.streams.get()
            await asked.get()
            first = parse_message(kind("Request", delta), await asked.get())
            assert first.type_url == NDS_TYPE_URL
            assert first.response_nonce == ""
            answers.put_nowait(response(NDS_TYPE_URL, "7", delta))
            answers.put_nowait(response(CDS.type_url, "8", delta))
            assert type_url_of(await call.read()) == CDS.type_url
            assert names == ["7"]
            told = parse_message(kind("Request", delta), await asked.get())
            assert (told.type_url, told.response_nonce) == (NDS_TYPE_URL, "7")
            assert told.error_detail.message == (error or "")
            if not delta:
                assert told.version_info == ("" if error else "version 7")

    run(body())


def test_the_end_of_one_stream_is_that_of_the_other_and_the_next_is_a_new_connection(tmp_path):
    async def body():
        plane = ControlPlane()
        opened = []
        async with AsyncExitStack() as stack:
            upstream = Upstream(await stack.enter_async_context(plane.serving()), None)

            def open_channel():
                opened.append(upstream.open(None))
                return opened[-1]

            channel, said = await stack.enter_async_context(relayed(tmp_path, open_channel))
            for _ in range(2):
                call = channel.stream_stream(ads_path(delta=True))()
                await call.write(request())
                _, answers = await plane.streams.get()
                answers.put_nowait(None)
                assert await call.code() == grpc.StatusCode.UNAVAILABLE
            assert len(opened) == 2
            assert said
            assert all(one.startswith("the stream of the control plane ended: ") for one in said)
            # The proxy's end.
            call = channel.stream_stream(ads_path(delta=True))()
            await call.write(request())
            asked, _ = await plane.streams.get()
            await asked.get()
            call.cancel()

    run(body())


def test_names_that_are_no_answer_end_the_stream(tmp_path):
    async def body():
        plane = ControlPlane()
        async with AsyncExitStack() as stack:
            upstream = Upstream(await stack.enter_async_context(plane.serving()), None)
            made = relayed(tmp_path, lambda: upstream.open(None))
            channel, said = await stack.enter_async_context(made)
            call = channel.stream_stream(ads_path(delta=True))()
            await call.write(request())
            _, answers = await plane.streams.get()
            # A field of a known number and another type: a length beyond the end.
            answers.put_nowait(response(NDS_TYPE_URL, "1") + b"\x0a\x03\x0a\xff\x00")
            assert await call.code() == grpc.StatusCode.UNAVAILABLE
            assert "no DeltaDiscoveryResponse" in said[0]

    run(body())


def test_a_control_plane_that_is_away_is_told_once(tmp_path):
    async def body():
        async with relayed(tmp_path, lambda: Upstream("127.0.0.1:1", None).open(None)) as made:
            channel, said = made
            for _ in range(3):
                call = channel.stream_stream(ads_path(delta=True))()
                await call.write(request())
                assert await call.code() == grpc.StatusCode.UNAVAILABLE
            assert len(said) == 1
            assert "Connection refused" in said[0]

    run(body())


def test_a_control_plane_that_cannot_be_called_is_told(tmp_path):
    def cannot():
        raise UpstreamError("--ca-root: cannot read it")

    async def body():
        async with relayed(tmp_path, cannot) as (channel, said):
            call = channel.stream_stream(ads_path(delta=True))()
            assert await call.code() == grpc.StatusCode.UNAVAILABLE
            assert said == ["the stream of the control plane ended: --ca-root: cannot read it"]

    run(body())
