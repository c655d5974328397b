import pytest

from lateen.xds.delta import DeltaState
from lateen.xds.messages import Received
from lateen.xds.resource_types import CDS, EDS, LDS, RDS, VHDS
from lateen.xds.subscription import BadResource, Outcome
from tests.unit.xds import model
from tests.unit.xds.model import Harness, Recorder, answer, resource

model.SHORT[VHDS.type_url] = "vhds"


@pytest.fixture
def harness():
    return Harness(DeltaState)


def watched(harness, kind, names):
    recorder = Recorder()
    recorder.watch = harness.watch(kind, names, recorder)
    return recorder


def test_a_wildcard_subscribes_to_nothing_and_acks_with_the_nonce(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    assert harness.said() == ["cds"]
    harness.mux.receive(answer(CDS, "v1", "n1", "a", "b"))
    assert clusters.last == (["a", "b"], [], False)
    assert harness.said() == ["cds n1"]


def test_a_new_stream_is_told_what_is_here(harness):
    watched(harness, CDS, None)
    watched(harness, EDS, ["a", "b"])
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1", "a", "b"))
    harness.mux.receive(answer(EDS, "v1", "n1", resource(EDS, "a", "7")))
    harness.mux.receive(answer(CDS, "v2", "n2", removed=["b"]))
    harness.mux.closed("gone")
    harness.mux.opened()
    assert harness.said() == ["cds a=v1", "eds +a +b a=7"]


def test_another_server_is_told_no_versions(harness):
    watched(harness, EDS, ["a"])
    harness.mux.opened()
    harness.mux.receive(answer(EDS, "v1", "n1", "a"))
    harness.mux.opened(same_server=False)
    assert harness.said() == ["eds +a"]


def test_only_differences_of_names_are_sent(harness):
    a = watched(harness, EDS, ["a", "b"])
    harness.mux.opened()
    assert harness.said() == ["eds +a +b"]
    harness.mux.change(a.watch, ["b", "c"])
    assert harness.said() == ["eds +c -a"]
    b = watched(harness, EDS, ["b"])
    assert harness.said() == ["eds +b"]  # the server sends it again, for the second one
    harness.mux.unwatch(a.watch)
    assert harness.said() == ["eds -c"]
    harness.mux.unwatch(b.watch)
    assert harness.said() == ["eds -b"]


def test_a_name_that_comes_and_goes_before_a_request_is_not_mentioned(harness):
    a = watched(harness, EDS, ["a"])
    harness.mux.opened()
    harness.sent()
    harness.mux.change(a.watch, ["a", "b"])
    harness.mux.change(a.watch, ["a"])
    assert harness.said() == []


def test_a_name_that_goes_and_comes_before_a_request_is_subscribed_to_anew(harness):
    a = watched(harness, EDS, ["a"])
    harness.mux.opened()
    harness.mux.receive(answer(EDS, "v1", "n1", "a"))
    harness.sent()
    harness.mux.change(a.watch, [])
    harness.mux.change(a.watch, ["a"])
    assert harness.said() == ["eds +a"]


def test_an_acknowledgement_takes_new_names_along(harness):
    endpoints = watched(harness, EDS, ["a"])
    harness.mux.opened()
    harness.sent()
    endpoints.on_update = lambda _: harness.mux.change(endpoints.watch, ["a", "b"])
    harness.mux.receive(answer(EDS, "v1", "n1", "a"))
    assert harness.said() == ["eds +b", "eds n1"]


def test_what_was_not_taken_keeps_its_old_version(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1", "a", "b"))
    clusters.answer = Outcome((BadResource("a", "no"),), "Error adding/updating cluster(s) a: no")
    harness.mux.receive(answer(CDS, "v2", "n2", "a", "b", "c"))
    assert harness.said()[-1] == "cds n2 !Error adding/updating cluster(s) a: no"
    harness.mux.opened()
    assert harness.said() == ["cds a=v1 b=v2 c=v2"]


def test_a_summary_alone_keeps_all_old_versions(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    clusters.answer = Outcome(summary="no")
    harness.mux.receive(answer(CDS, "v2", "n2", "a", "b"))
    harness.mux.opened()
    assert harness.said() == ["cds"]


@pytest.mark.parametrize(
    ("names", "removed", "text"),
    [
        (["z", "z"], [], "duplicate name z found among added/updated resources"),
        (["z"], ["z"], "duplicate name z found in the union of added+removed resources"),
        ([], ["z", "z"], "duplicate name z found in the union of added+removed resources"),
        (
            [resource(LDS, "l")],
            [],
            f"type URL {LDS.type_url} embedded in an individual Any does not match the "
            f"message-wide type URL {CDS.type_url} in DeltaDiscoveryResponse",
        ),
        (
            [Received("q", "", None, "9")],
            [],
            "type URL  embedded in an individual Any does not match the message-wide type URL "
            f"{CDS.type_url} in DeltaDiscoveryResponse",
        ),
    ],
)
def test_an_answer_that_contradicts_itself_is_not_looked_at(harness, names, removed, text):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    harness.sent()
    harness.mux.receive(answer(CDS, "v1", "n1", *names, removed=removed))
    assert clusters.updates == []
    assert clusters.failures == [("REJECTED", text)]
    assert harness.said() == [f"cds n1 !{text}"]


def test_each_answer_is_acknowledged_by_itself(harness):
    watched(harness, CDS, None)
    harness.mux.opened()
    harness.sent()
    harness.mux.receive(answer(CDS, "v1", "same", "a"))
    harness.mux.receive(answer(CDS, "v2", "same", "b"))
    assert harness.said() == ["cds same", "cds same"]


def test_an_empty_answer_reaches_who_wants_all_and_nobody_else(harness):
    clusters, endpoints = watched(harness, CDS, None), watched(harness, EDS, ["a"])
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1"))
    harness.mux.receive(answer(EDS, "v1", "n1"))
    assert clusters.last == ([], [], False)
    assert endpoints.updates == []


def test_removed_names_reach_those_who_want_them(harness):
    a, b = watched(harness, EDS, ["a"]), watched(harness, EDS, ["b"])
    harness.mux.opened()
    harness.mux.receive(answer(EDS, "v1", "n1", "a", removed=["b", "c"]))
    assert a.last == (["a"], [], False)
    assert b.last == ([], ["b"], False)


def test_a_wildcard_beside_names_is_spelled_out_and_taken_back(harness):
    named = watched(harness, CDS, ["x"])
    harness.mux.opened()
    assert harness.said() == ["cds +x"]
    everything = watched(harness, CDS, None)
    assert harness.said() == ["cds +*"]
    harness.mux.receive(answer(CDS, "v1", "n1", "x", "y"))
    harness.sent()
    harness.mux.unwatch(everything.watch)
    assert harness.said() == ["cds -*"]
    harness.mux.opened()
    assert harness.said() == ["cds +x x=v1"]
    assert named.last[0] == ["x"]


def test_a_wildcard_keeps_the_version_of_a_name_that_is_not_asked_for_any_more(harness):
    watched(harness, CDS, None)
    named = watched(harness, CDS, ["x"])
    harness.mux.opened()
    assert harness.said() == ["cds +* +x"]
    harness.mux.receive(answer(CDS, "v1", "n1", "x"))
    harness.mux.unwatch(named.watch)
    harness.mux.opened()
    assert harness.said() == ["cds x=v1"]


def test_heartbeats_renew_and_tell_nobody(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1", resource(CDS, "a", "1", ttl_s=5.0)))
    harness.sent()
    harness.now = 4.0
    harness.mux.receive(answer(CDS, "v1", "n2", Received("a", "", None, "1", ttl_s=5.0)))
    assert len(clusters.updates) == 1
    assert harness.said() == ["cds n2"]
    assert harness.mux.next_expiry() == 9.0
    harness.now = 9.0
    harness.mux.expire()
    assert clusters.last == ([], ["a"], False)
    harness.mux.opened()
    assert harness.said() == ["cds"]


def test_aliases_find_their_subscriber_and_so_do_names_below_a_route(harness):
    hosts = watched(harness, VHDS, ["route/", "route/a.test"])
    harness.mux.opened()
    assert harness.said() == ["vhds +route/a.test"]
    found = resource(VHDS, "route/host", aliases=("route/a.test",))
    harness.mux.receive(answer(VHDS, "v1", "n1", found, resource(VHDS, "other/host")))
    assert hosts.last == (["route/host"], [], False)
    harness.mux.receive(
        answer(VHDS, "v2", "n2", Received("route/b", "", None, "2", ("route/a.test",)))
    )
    assert hosts.last == ([], ["route/a.test"], False)


def test_who_wants_what_is_below_a_route_names_nothing(harness):
    hosts = watched(harness, VHDS, ["route/"])
    harness.mux.opened()
    assert harness.said() == ["vhds"]
    harness.mux.receive(answer(VHDS, "v1", "n1", resource(VHDS, "route/one")))
    assert harness.said() == ["vhds n1"]
    harness.mux.change(hosts.watch, ["route/", "route/two"])
    assert harness.said() == ["vhds +route/two"]
    harness.mux.opened()
    assert harness.said() == ["vhds +route/two route/one=1"]


def test_collections_of_xdstp_names_have_what_is_below_them(harness):
    everything = watched(harness, RDS, ["xdstp://a/t/dir/*?k=v"])
    harness.mux.opened()
    harness.mux.receive(
        answer(RDS, "v1", "n1", "xdstp://a/t/dir/x?k=v", "xdstp://a/t/dir/y", "xdstp://a/t/z?k=v")
    )
    assert everything.last == (["xdstp://a/t/dir/x?k=v"], [], False)


def test_parameters_of_an_xdstp_name_may_come_in_any_order(harness):
    one = watched(harness, RDS, ["xdstp://a/t/x?a=1&b=2"])
    harness.mux.opened()
    harness.mux.receive(answer(RDS, "v1", "n1", "xdstp://a/t/x?b=2&a=1", "xdstp://nonsense"))
    assert one.last == (["xdstp://a/t/x?b=2&a=1"], [], False)


def test_a_type_without_subscribers_says_nothing_on_a_new_stream(harness):
    a = watched(harness, EDS, ["a"])
    harness.mux.opened()
    harness.mux.unwatch(a.watch)
    harness.mux.opened()
    assert harness.said() == []
    harness.mux.receive(answer(EDS, "v1", "n1", "a"))
    assert harness.said() == ["eds n1"]
