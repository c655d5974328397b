import dns.flags
import dns.message
import dns.rcode
import pytest

from lateen.agent.names.answers import BadQueryError, answer, failure, read_query, to_wire
from lateen.agent.names.table import Names
from tests.support.name_tables import NAMES, SHOP, table


def asked(name, kind="A", names=NAMES):
    return answer(dns.message.make_query(name, kind), names)


def records(made):
    return [
        (rrset.name.to_text(), rrset.rdtype.name, sorted(each.to_text() for each in rrset))
        for rrset in made.answer
    ]


def test_a_known_host_has_its_addresses_for_thirty_seconds():
    made = asked("reviews.shop")
    assert records(made) == [("reviews.shop.", "A", ["10.1.0.1"])]
    assert made.answer[0].ttl == 30
    assert made.flags & dns.flags.AA
    assert made.flags & dns.flags.RA


def test_a_headless_service_has_all_its_addresses_in_changing_order():
    orders = {tuple(each.to_text() for each in asked("db").answer[0]) for _ in range(100)}
    assert {frozenset(one) for one in orders} == {frozenset(("10.0.0.1", "10.0.0.2", "10.0.0.3"))}
    assert len(orders) > 1


def test_the_other_family_of_a_known_host_is_empty_and_no_error():
    made = asked("reviews", "AAAA")
    assert (made.rcode(), made.answer) == (dns.rcode.NOERROR, [])
    assert records(asked("cart.other", "AAAA")) == [("cart.other.", "AAAA", ["fd00::2"])]


def test_an_alias_tells_what_it_stands_for():
    made = asked("api.example.com.shop.svc.cluster.local")
    assert records(made) == [
        ("api.example.com.shop.svc.cluster.local.", "CNAME", ["api.example.com."]),
        ("api.example.com.", "A", ["240.240.0.1"]),
    ]


def test_a_wildcards_addresses_are_those_of_the_name_that_was_asked():
    assert records(asked("a.example.org")) == [("a.example.org.", "A", ["240.240.0.2"])]


@pytest.mark.parametrize(("name", "kind"), [("unknown", "A"), ("reviews", "TXT")])
def test_what_the_mesh_does_not_know_is_for_others(name, kind):
    assert asked(name, kind) is None


def test_an_answer_that_is_too_long_for_the_client_says_so():
    many = Names(table(many_example_com=([f"10.0.0.{n}" for n in range(40)],)), SHOP)
    query = dns.message.make_query("many.example.com", "A")
    cut = to_wire(answer(query, many), query, udp=True)
    assert len(cut) <= 512
    assert dns.message.from_wire(cut).flags & dns.flags.TC
    roomy = dns.message.make_query("many.example.com", "A", use_edns=0, payload=1232)
    for asking, udp in ((query, False), (roomy, True)):
        whole = dns.message.from_wire(to_wire(answer(asking, many), asking, udp=udp))
        assert len(whole.answer[0]) == 40
        assert not whole.flags & dns.flags.TC


def test_bytes_that_are_no_query():
    for silent in (b"", b"short", failure(dns.message.make_query("a", "A"), 2).to_wire()):
        with pytest.raises(BadQueryError) as caught:
            read_query(silent)
        assert caught.value.answer == b""
    query = dns.message.make_query("a", "A", id=77).to_wire()
    with pytest.raises(BadQueryError) as caught:
        read_query(query[:-1])
    told = dns.message.from_wire(caught.value.answer)
    assert (told.id, told.rcode()) == (77, dns.rcode.FORMERR)
    update = dns.message.from_wire(query)
    update.set_opcode(dns.opcode.NOTIFY)
    with pytest.raises(BadQueryError) as caught:
        read_query(update.to_wire())
    assert dns.message.from_wire(caught.value.answer).rcode() == dns.rcode.NOTIMP
