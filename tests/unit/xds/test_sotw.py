import pytest

from lateen.xds.messages import Received
from lateen.xds.resource_types import CDS, EDS, LDS, RDS
from lateen.xds.sotw import SotwState
from lateen.xds.subscription import BadResource, Outcome
from tests.unit.xds.model import Harness, Recorder, answer, resource


@pytest.fixture
def harness():
    return Harness(SotwState)


def watched(harness, kind, names):
    recorder = Recorder()
    recorder.watch = harness.watch(kind, names, recorder)
    return recorder


def test_a_wildcard_asks_without_names_and_acks_with_version_and_nonce(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    assert harness.said() == ["cds"]
    harness.mux.receive(answer(CDS, "v1", "n1", "a", "b"))
    assert clusters.last == (["a", "b"], [], True)
    assert harness.said() == ["cds v1 n1"]


def test_a_nack_has_the_old_version_the_new_nonce_and_the_text_once(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1", "a"))
    harness.sent()
    clusters.answer = Outcome((BadResource("b", "no"), BadResource("c", "never")))
    harness.mux.receive(answer(CDS, "v2", "n2", "b", "c"))
    assert harness.said() == ["cds v1 n2 !b: no, c: never"]
    clusters.answer = Outcome(summary="Error adding/updating cluster(s) b: no")
    harness.mux.receive(answer(CDS, "v3", "n3", "b"))
    assert harness.said() == ["cds v1 n3 !Error adding/updating cluster(s) b: no"]
    clusters.answer = Outcome()
    harness.mux.receive(answer(CDS, "v4", "n4", "b"))
    assert harness.said() == ["cds v4 n4"]


def test_a_nack_is_no_longer_than_a_status_message_may_be(harness):
    watched(harness, CDS, None).answer = Outcome(summary="x" * 5000)
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1", "a"))
    assert harness.sent()[-1].error == "x" * 4096 + "...(truncated)"


def test_subscribers_to_one_type_share_a_request_and_hear_of_their_own(harness):
    a, b = watched(harness, EDS, ["a"]), watched(harness, EDS, ["b"])
    harness.mux.opened()
    assert harness.said() == ["eds a b"]
    harness.mux.receive(answer(EDS, "v1", "n1", "a", "other"))
    assert a.last == (["a"], [], False)
    assert b.updates == []
    assert harness.said() == ["eds v1 n1 a b"]


def test_an_answer_that_lacks_a_name_removes_nothing_but_clusters_and_listeners(harness):
    routes, listeners = watched(harness, RDS, ["r"]), watched(harness, LDS, ["l"])
    harness.mux.opened()
    harness.mux.receive(answer(RDS, "v1", "n1"))
    harness.mux.receive(answer(LDS, "v1", "n1"))
    assert routes.updates == []
    assert listeners.last == ([], [], True)


def test_one_bad_subscriber_does_not_keep_others_from_their_resources(harness):
    a, b = watched(harness, EDS, ["a"]), watched(harness, EDS, ["b"])
    a.answer = Outcome((BadResource("a", "no"),))
    harness.mux.opened()
    harness.sent()
    harness.mux.receive(answer(EDS, "v1", "n1", "a", "b"))
    assert len(a.updates) == len(b.updates) == 1
    assert harness.said() == ["eds n1 a b !a: no"]


def test_a_change_of_names_is_sent_with_version_and_nonce(harness):
    a = watched(harness, EDS, ["a"])
    harness.mux.opened()
    harness.mux.receive(answer(EDS, "v1", "n1", "a"))
    harness.sent()
    harness.mux.change(a.watch, ["a", "c"])
    assert harness.said() == ["eds v1 n1 a c"]
    harness.mux.unwatch(a.watch)
    assert harness.said() == ["eds v1 n1"]


def test_a_second_subscriber_to_a_name_makes_the_server_send_it_again(harness):
    watched(harness, EDS, ["a", "b"])
    harness.mux.opened()
    harness.mux.receive(answer(EDS, "v1", "n1", "a", "b"))
    harness.sent()
    second = watched(harness, EDS, ["a", "c"])
    assert harness.said() == ["eds v1 n1 b c", "eds v1 n1 a b c"]
    harness.mux.receive(answer(EDS, "v1", "n2", "a"))
    assert second.last == (["a"], [], False)


def test_a_name_that_goes_and_comes_before_a_request_is_asked_for_anew(harness):
    a = watched(harness, EDS, ["a", "b"])
    harness.mux.opened()
    harness.mux.receive(answer(EDS, "v1", "n1", "a", "b"))
    harness.sent()
    harness.mux.unwatch(a.watch)
    watched(harness, EDS, ["a", "b"])
    assert harness.said() == ["eds v1 n1", "eds v1 n1 a b"]


def test_a_wildcard_that_goes_says_nothing(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    harness.sent()
    harness.mux.unwatch(clusters.watch)
    assert harness.said() == []


def test_a_wildcard_beside_names_is_spelled_out(harness):
    watched(harness, CDS, None)
    watched(harness, CDS, ["on-demand"])
    harness.mux.opened()
    assert harness.said() == ["cds * on-demand"]


def test_a_new_stream_has_the_version_and_no_nonce(harness):
    watched(harness, CDS, None)
    watched(harness, EDS, ["a"])
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1", "a"))
    harness.sent()
    harness.mux.closed("gone")
    assert harness.said() == []
    harness.mux.opened()
    assert harness.said() == ["cds v1", "eds a"]


def test_another_server_is_not_told_the_version(harness):
    watched(harness, CDS, None)
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1", "a"))
    harness.mux.opened(same_server=False)
    assert harness.said() == ["cds"]


def test_a_resource_of_another_type_rejects_the_whole_answer(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    harness.sent()
    harness.mux.receive(answer(CDS, "v1", "n1", resource(LDS, "l"), "a"))
    text = (
        f"{LDS.type_url} does not match the message-wide type URL {CDS.type_url} in"
        " DiscoveryResponse"
    )
    assert clusters.failures == [("REJECTED", text)]
    assert harness.said() == [f"cds n1 !{text}"]


def test_a_resource_without_a_name_goes_to_wildcards_only(harness):
    clusters, endpoints = watched(harness, CDS, None), watched(harness, EDS, ["a"])
    harness.mux.opened()
    harness.sent()
    harness.mux.receive(answer(CDS, "v1", "n1", ""))
    assert clusters.last == ([""], [], True)
    harness.mux.receive(answer(EDS, "v1", "n1", "", "a"))
    assert endpoints.updates == []
    assert "has no name" in harness.said()[1]


def test_duplicates_reach_the_one_who_can_name_them(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1", "a", "a"))
    assert clusters.last[0] == ["a", "a"]


def test_without_subscribers_resources_are_not_accepted_and_nothing_is(harness):
    endpoints = watched(harness, EDS, ["a"])
    harness.mux.opened()
    harness.mux.receive(answer(EDS, "v1", "n1", "a"))
    harness.mux.unwatch(endpoints.watch)
    harness.sent()
    harness.mux.receive(answer(EDS, "v2", "n2", "a"))
    assert harness.said() == ["eds v1 n2"]
    harness.mux.receive(answer(EDS, "v3", "n3"))
    assert harness.said() == ["eds v3 n3"]


def test_a_type_that_nobody_asked_for_is_ignored(harness):
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1", "a"))
    assert harness.said() == []
    assert "no current subscribers" in harness.warnings[0]


def test_a_time_to_live_passes_unless_it_is_renewed(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    living = [resource(CDS, "a", ttl_s=5.0), resource(CDS, "b", ttl_s=5.0), resource(CDS, "c")]
    harness.mux.receive(answer(CDS, "v1", "n1", *living))
    assert harness.mux.next_expiry() == 5.0
    harness.now = 4.0
    heartbeat = Received("a", "", None, "v1", ttl_s=5.0)
    harness.mux.receive(answer(CDS, "v1", "n2", heartbeat))
    assert len(clusters.updates) == 1
    harness.now = 5.0
    harness.mux.expire()
    assert clusters.last == ([], ["b"], False)
    assert harness.mux.next_expiry() == 9.0
    harness.now = 9.0
    harness.mux.expire()
    assert clusters.last == ([], ["a"], False)
    assert harness.mux.next_expiry() is None


def test_a_heartbeat_among_resources_is_a_resource_that_stays(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1", resource(CDS, "a", ttl_s=5.0), "b"))
    heartbeat = Received("a", "", None, "v1", ttl_s=5.0)
    harness.mux.receive(answer(CDS, "v1", "n2", heartbeat, "b"))
    assert [(each.name, each.body is None) for each in clusters.updates[-1].resources] == [
        ("a", True),
        ("b", False),
    ]


def test_a_heartbeat_of_another_version_is_no_heartbeat(harness):
    clusters = watched(harness, CDS, None)
    harness.mux.opened()
    harness.mux.receive(answer(CDS, "v1", "n1", Received("a", "", None, "v1", ttl_s=5.0)))
    assert clusters.failures == [("REJECTED", "a: resource without a body")]


def test_a_resource_that_no_resource_may_be_keeps_all_others_back(harness):
    harness.mux.opened()
    recorders = [Recorder(), Recorder()]
    checks = [lambda _: "", lambda resource: f"{resource.name} breaks a rule"]
    for name, recorder, check in zip("ab", recorders, checks, strict=True):
        harness.mux.watch(EDS.type_url, [name], recorder.take, recorder.fail, check)
    harness.sent()
    harness.mux.receive(answer(EDS, "v1", "n1", resource(EDS, "a"), resource(EDS, "b")))
    assert [recorder.updates for recorder in recorders] == [[], []]
    (nack,) = harness.sent()
    assert nack.error == "b breaks a rule"
    harness.mux.receive(answer(EDS, "v2", "n2", resource(EDS, "b")))
    assert len(recorders[1].updates) == 1
