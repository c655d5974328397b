import asyncio
import ssl
from datetime import timedelta

import grpc
import pytest

from lateen.control.ca.files import ROOT, load_or_create
from lateen.control.secure import port as secure_port
from lateen.control.server import ServeError
from lateen.identity.spiffe import Identity
from lateen.identity.tls import load_pair
from tests.support.authorities import certified
from tests.support.secured import node_of, refusal, secured_port

WEB = Identity("cluster.local", "shop", "web")
SECONDS = 10.0


async def told(port, text):
    """The line with a text that the control plane says, within the limit."""
    async with asyncio.timeout(SECONDS):
        while True:
            for line in port.said:
                if text in line:
                    return line
            await asyncio.sleep(0.01)


def client(directory, pair=None):
    context = ssl.create_default_context(cafile=directory / ROOT)
    context.set_alpn_protocols(["h2"])
    if pair is not None:
        load_pair(context, *pair)
    return context


def test_a_certificate_of_another_root_is_refused_and_told(tmp_path):
    load_or_create(tmp_path / "other", "cluster.local")

    async def body():
        async with secured_port(tmp_path / "ca") as port:
            key, chain = certified(tmp_path / "other", WEB)
            code, _ = await refusal(port.subscribe(node_of("shop"), key, chain))
            return code, await told(port, "refused 127.0.0.1:")

    code, line = asyncio.run(body())
    assert code is grpc.StatusCode.UNAVAILABLE
    assert "its certificate is not the mesh's: " in line


def test_a_certificate_that_has_expired_is_refused_and_told(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            key, chain = certified(tmp_path, WEB, timedelta(seconds=1))
            await asyncio.sleep(1.1)
            code, _ = await refusal(port.subscribe(node_of("shop"), key, chain))
            return code, await told(port, "refused 127.0.0.1:")

    code, line = asyncio.run(body())
    assert code is grpc.StatusCode.UNAVAILABLE
    assert line.endswith("its certificate is not the mesh's: certificate has expired")


def test_who_speaks_no_tls_is_refused_and_told(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port.opened.port)
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
            await told(port, "TLS failed")
            answer = await reader.read()
            writer.close()
            return answer

    assert b"HTTP" not in asyncio.run(body())


@pytest.mark.parametrize(
    "name", ["localhost", "istiod.istio-system.svc", "127.0.0.1", "control.example", "10.9.9.9"]
)
def test_the_server_proves_the_names_that_it_is_called_by(tmp_path, name):
    async def body():
        async with secured_port(tmp_path, names=("control.example", "10.9.9.9")) as port:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port.opened.port, ssl=client(tmp_path), server_hostname=name
            )
            told = writer.get_extra_info("ssl_object")
            writer.close()
            return told.getpeercert()["subjectAltName"], told.selected_alpn_protocol()

    names, protocol = asyncio.run(body())
    assert names[0] == ("URI", "spiffe://cluster.local/ns/istio-system/sa/istiod")
    assert protocol == "h2"


def test_no_session_lets_a_client_in_without_its_certificate(tmp_path):
    """A ticket would vouch for a client after its root is not trusted any more."""

    async def body():
        async with secured_port(tmp_path) as port:
            context = client(tmp_path, certified(tmp_path, WEB))
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port.opened.port, ssl=context, server_hostname="localhost"
            )
            # gRPC greets with its settings; a ticket would have come before.
            await reader.readexactly(9)
            session = writer.get_extra_info("ssl_object").session
            writer.close()
            return session.has_ticket

    assert asyncio.run(body()) is False


def test_a_client_without_a_certificate_does_not_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(secure_port, "_UNKNOWN_CLIENT_LIFE", timedelta(seconds=0.2))

    async def body():
        async with secured_port(tmp_path) as port:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port.opened.port, ssl=client(tmp_path), server_hostname="localhost"
            )
            async with asyncio.timeout(SECONDS):
                try:
                    while await reader.read(1024):
                        pass
                except ConnectionError:
                    pass
            assert reader.at_eof() or reader.exception() is not None
            writer.close()

    asyncio.run(body())


def test_an_address_that_is_taken_is_told(tmp_path):
    async def body():
        async with secured_port(tmp_path) as port:
            address = f"127.0.0.1:{port.opened.port}"
            with pytest.raises(ServeError, match=f"cannot listen to {address}: .*in use"):
                async with secured_port(tmp_path, address=address):
                    pass

    asyncio.run(body())


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:no", "127.0.0.1:70000"])
def test_an_address_that_is_none_is_told(tmp_path, address):
    async def body():
        async with secured_port(tmp_path, address=address):
            pass

    with pytest.raises(ServeError, match=f"cannot listen to {address}"):
        asyncio.run(body())
