import asyncio
import http.client

import pytest

from lateen.control.addresses import ServeError, split_address
from lateen.control.inspect import AskError, ask
from lateen.control.monitoring.http import Answer, Page, Pages


async def said(parameters):
    return Answer(f'{{"said": "{parameters.get("x", "")}"}}')


PAGES = {"/open": Page(said, local=False), "/local": Page(said)}


def served(look):
    """What `look` returns beside a server, given its port."""

    async def work():
        pages = Pages(PAGES)
        port = await pages.listen("127.0.0.1:0")
        try:
            return await asyncio.to_thread(look, port)
        finally:
            pages.close()

    return asyncio.run(asyncio.wait_for(work(), 20))


def fetch(port, method, *paths):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    found = []
    for path in paths:
        connection.request(method, path)
        answer = connection.getresponse()
        found.append((answer.status, answer.read().decode()))
    connection.close()
    return found


def test_pages_are_fetched_over_one_connection_with_their_parameters():
    found = served(lambda port: fetch(port, "GET", "/open?x=1", "/local", "/open?x=a%20b"))
    assert found == [(200, '{"said": "1"}'), (200, '{"said": ""}'), (200, '{"said": "a b"}')]


def test_other_paths_and_methods_are_told_what_there_is():
    ((status, body),) = served(lambda port: fetch(port, "GET", "/none"))
    assert status == 404
    assert "/open\n" in body
    assert served(lambda port: fetch(port, "POST", "/open"))[0][0] == 405
    assert served(lambda port: fetch(port, "HEAD", "/open")) == [(200, "")]


def test_a_target_that_is_no_path_is_refused():
    ((status, _),) = served(lambda port: fetch(port, "GET", "//["))
    assert status == 400


def test_a_page_of_json_is_asked_for():
    def open_page(port, kind=dict[str, str]):
        return ask(f"127.0.0.1:{port}", "/open", kind, {"x": "y"})

    assert served(open_page) == {"said": "y"}

    def other(port):
        with pytest.raises(AskError, match="/open is no page of a control plane: Expected `array`"):
            open_page(port, list[str])

    served(other)

    def none(port):
        with pytest.raises(AskError, match="/none: 404"):
            ask(f"127.0.0.1:{port}", "/none", object)
        return port

    port = served(none)
    with pytest.raises(AskError, match="no control plane answers"):
        ask(f"127.0.0.1:{port}", "/open", object)


@pytest.mark.parametrize("address", ["", "here", "here:", "here:x", "here:70000"])
def test_addresses_that_are_none(address):
    with pytest.raises(ServeError, match="HOST:PORT"):
        split_address(address)
    with pytest.raises(AskError, match="HOST:PORT"):
        ask(address, "/", object)


def test_addresses_of_both_families():
    assert split_address("[::1]:80") == ("::1", 80)
    assert split_address("localhost:0") == ("localhost", 0)


def test_an_address_that_is_taken_is_told():
    async def work():
        pages = Pages(PAGES)
        port = await pages.listen("127.0.0.1:0")
        with pytest.raises(ServeError, match="cannot listen to"):
            await Pages(PAGES).listen(f"127.0.0.1:{port}")
        pages.close()

    asyncio.run(work())
