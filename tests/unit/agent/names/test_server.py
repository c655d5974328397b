import asyncio
import socket

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from lateen.agent.names.forward import Forwarder, Resolver, read_resolv_conf
from lateen.agent.names.server import NameServer, NameServerError
from tests.support.dns import DnsServer, Zone
from tests.support.name_tables import NAMES


def served(talk, resolvers=(), names=NAMES):
    """What `talk(server, port)` returns, with a server on a free port."""

    async def run():
        server = NameServer(Forwarder(resolvers))
        server.names = names
        port = await server.listen(0)
        try:
            return await talk(server, port)
        finally:
            server.close()

    return asyncio.run(asyncio.wait_for(run(), 30))


async def ask(port, name, kind="A", tcp=False, host="127.0.0.1"):
    query = dns.message.make_query(name, kind)
    by = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
    return await by(query, host, 10, port)


def addresses(made):
    return [each.to_text() for rrset in made.answer for each in rrset]


def test_names_of_the_mesh_are_answered_over_udp_and_tcp():
    async def talk(_, port):
        return [addresses(await ask(port, "reviews.shop", tcp=tcp)) for tcp in (False, True)]

    assert served(talk) == [["10.1.0.1"], ["10.1.0.1"]]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_names_are_answered_over_ipv6_too():
    async def talk(_, port):
        return [
            addresses(await ask(port, "reviews.shop", tcp=tcp, host="::1")) for tcp in (False, True)
        ]

    assert served(talk) == [["10.1.0.1"], ["10.1.0.1"]]


def test_other_names_are_asked_of_the_first_resolver_that_answers():
    zone = Zone({"elsewhere.test": [["192.0.2.1"]]})
    with DnsServer(zone) as upstream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolvers = [
            Resolver("127.0.0.1", silent.getsockname()[1]),
            Resolver("127.0.0.1", upstream.port),
        ]

        async def talk(_, port):
            return await asyncio.gather(ask(port, "elsewhere.test"), ask(port, "nowhere.test"))

        found, missing = served(talk, resolvers)
    assert addresses(found) == ["192.0.2.1"]
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert ("elsewhere.test", "A") in zone.asked


def test_without_a_resolver_the_server_fails():
    async def talk(_, port):
        return (await ask(port, "elsewhere.test")).rcode()

    assert served(talk) == dns.rcode.SERVFAIL


def test_nobody_answers_for_the_mesh_before_it_has_told_its_names():
    zone = Zone({"reviews.shop": [["192.0.2.66"]]})
    with DnsServer(zone) as upstream:

        async def talk(server, port):
            before = await ask(port, "reviews.shop")
            server.names = NAMES
            return before.rcode(), addresses(await ask(port, "reviews.shop"))

        told = served(talk, [Resolver("127.0.0.1", upstream.port)], names=None)
    assert told == (dns.rcode.SERVFAIL, ["10.1.0.1"])
    assert zone.asked == []


def test_a_port_that_is_taken_is_told():
    async def talk(_, port):
        try:
            await NameServer(Forwarder(())).listen(port)
        except NameServerError as error:
            return str(error)
        return ""

    assert served(talk).startswith("--dns-port: cannot listen to ")


def test_a_resolv_conf_is_read_as_resolvers_read_it():
    told = read_resolv_conf(
        "# comment\nnameserver 10.0.0.53\nnameserver nonsense\nnameserver fe80::1%eth0\n"
        "search shop.svc.cluster.local. svc.cluster.local\noptions ndots:5\n"
    )
    assert told.resolvers == (Resolver("10.0.0.53"), Resolver("fe80::1%eth0"))
    assert told.search == ("shop.svc.cluster.local", "svc.cluster.local")
