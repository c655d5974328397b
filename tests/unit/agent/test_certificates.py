"""Certificates by a real authority in this process, which comes and goes."""

import asyncio
from datetime import timedelta

import pytest

from lateen.agent.certificates import Certificates, Wanted
from lateen.agent.state import State
from lateen.agent.upstream import Upstream
from lateen.control.ca.files import ROOT
from lateen.identity.spiffe import Identity
from tests.support.secured import secured_port

WEB = Identity("cluster.local", "shop", "web")
LIMIT_S = 30


class Workload:
    """A workload that keeps certificates, with what came of it."""

    def __init__(self, directory, port=None, **wanted):
        self.state = State(directory / "state")
        self.token_file = directory / "token"
        self.said = []
        self.had = asyncio.Queue()
        self.root = directory / "ca" / ROOT
        discovery = f"127.0.0.1:{port.port if port else 1}"
        self.certificates = Certificates(
            Wanted(WEB, self.token_file, **wanted),
            Upstream(discovery, self.root),
            self.state,
            self.said.append,
        )

    def join(self, port):
        self.token_file.write_text(port.token("shop", "web") + "\n")

    async def __aenter__(self):
        self.task = asyncio.ensure_future(self.certificates.keep(self.had.put_nowait))
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        self.state.close()

    async def next(self):
        return await asyncio.wait_for(self.had.get(), LIMIT_S)

    async def hears(self, text):
        """The first line with a text in it, once it is said."""
        async with asyncio.timeout(LIMIT_S):
            while not (found := [line for line in self.said if text in line]):
                await asyncio.sleep(0.02)
        return found[0]


def run(work):
    asyncio.run(asyncio.wait_for(work, 2 * LIMIT_S))


def test_a_token_is_for_the_first_certificate_and_that_for_the_next(tmp_path):
    async def body():
        async with secured_port(tmp_path / "ca") as port:
            # Renewed a second after it was had, with nine left.
            wanted = {"life": timedelta(seconds=10), "grace_ratio": 0.9}
            workload = Workload(tmp_path, port, **wanted)
            workload.join(port)
            async with workload:
                first, second, third = [await workload.next() for _ in range(3)]
            assert len({one.key for one in (first, second, third)}) == 3
            assert timedelta(seconds=0.5) < second.since - first.since < timedelta(seconds=8)
            assert workload.certificates.problem == ""
            assert port.opened.counts.success_cert_issuance_count >= 3

    run(body())


def test_a_restart_needs_no_token(tmp_path):
    async def body():
        async with secured_port(tmp_path / "ca") as port:
            first = Workload(tmp_path, port)
            first.join(port)
            async with first:
                had = await first.next()
            async with Workload(tmp_path, port) as second:
                assert (await second.next()).key == had.key
            assert port.opened.counts.csr_count == 1

    run(body())


def test_what_cannot_be_a_token_is_told(tmp_path):
    async def body():
        async with secured_port(tmp_path / "ca") as port:
            workload = Workload(tmp_path, port)
            workload.token_file.write_text("two\nlines")
            async with workload:
                await workload.hears(f"{workload.token_file} has something else than a join token")
                workload.join(port)
                assert await workload.next()

    run(body())


def test_a_token_that_was_used_is_told_and_a_new_one_is_taken(tmp_path):
    async def body():
        async with secured_port(tmp_path / "ca") as port:
            token = port.token("shop", "web")
            await port.join(WEB, token)
            workload = Workload(tmp_path, port)
            workload.token_file.write_text(token)
            async with workload:
                await workload.hears(f"put a new join token into {workload.token_file}")
                assert workload.certificates.problem in workload.said
                workload.join(port)
                assert await workload.next()
            assert token.partition(".")[2] not in "".join(workload.said)

    run(body())


@pytest.mark.parametrize(
    ("content", "what"), [(None, "No such file"), ("", "is empty; put a join token into it")]
)
def test_a_token_that_is_not_there_is_told(tmp_path, content, what):
    async def body():
        async with secured_port(tmp_path / "ca") as port:
            workload = Workload(tmp_path, port)
            if content is not None:
                workload.token_file.write_text(content)
            async with workload:
                told = await workload.hears(str(workload.token_file))
                assert what in told
                assert workload.had.empty()

    run(body())


def test_credentials_stay_while_the_authority_is_away(tmp_path):
    async def body():
        async with secured_port(tmp_path / "ca") as port:
            workload = Workload(tmp_path, port, life=timedelta(seconds=60), grace_ratio=0.99)
            workload.join(port)
            await workload.__aenter__()
            had = await workload.next()
        await workload.hears("trying again")
        assert workload.certificates.current.until == had.until
        async with secured_port(tmp_path / "ca", address=f"127.0.0.1:{port.port}"):
            while (renewed := await workload.next()).since <= had.since:
                pass
        assert renewed.key != had.key
        await workload.__aexit__()

    run(body())


def test_a_stranger_in_the_place_of_the_control_plane_gets_no_token(tmp_path):
    async def body():
        async with secured_port(tmp_path / "other") as port, secured_port(tmp_path / "ca"):
            workload = Workload(tmp_path, port)
            workload.join(port)
            async with workload:
                await workload.hears("no certificate from")
            assert port.opened.counts.csr_count == 0

    run(body())
