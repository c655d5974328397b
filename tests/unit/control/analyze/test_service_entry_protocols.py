from tests.support.analysis import manifest, messages, told

ANALYZER = "serviceentry.ConflictingServiceEntryProtocolAnalyzer"


def entry(name, protocol, more="", port=443):
    ports = f"[{{number: {port}, name: a, protocol: {protocol}}}]"
    return manifest("ServiceEntry", name, f"{{hosts: [a.com], ports: {ports}{more}}}")


BOTH = ["IST0177 ServiceEntry shop/one 3", "IST0177 ServiceEntry shop/two 8"]


def test_one_port_of_two_protocols():
    assert told(ANALYZER, entry("one", "TLS") + entry("two", "TCP")) == BOTH
    text = messages(ANALYZER, entry("one", "TLS") + entry("two", "TCP"))[0].text
    assert "TCP and TLS in shop/one, shop/two" in text


def test_what_does_not_conflict():
    for other in (entry("two", "tls"), entry("two", "TCP", port=444)):
        assert told(ANALYZER, entry("one", "TLS") + other) == []
    other = entry("two", "TCP").replace("a.com", "b.com")
    assert told(ANALYZER, entry("one", "TLS") + other) == []


def test_exports_meet_where_both_are_seen():
    here, there = ", exportTo: [.]", ", exportTo: [other]"
    assert told(ANALYZER, entry("one", "TLS", here) + entry("two", "TCP", there)) == []
    assert told(ANALYZER, entry("one", "TLS", here) + entry("two", "TCP")) == BOTH
