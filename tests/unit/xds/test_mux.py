import pytest

from lateen.xds.delta import DeltaState
from lateen.xds.resource_types import CDS, EDS, LDS
from lateen.xds.sotw import SotwState
from tests.unit.xds.model import Harness, Recorder, answer


@pytest.fixture(params=[SotwState, DeltaState], ids=["sotw", "delta"])
def harness(request):
    return Harness(request.param)


def kinds(harness):
    return [request.type_url.rpartition(".")[2] for request in harness.sent()]


def test_types_are_asked_for_in_the_order_of_their_first_subscription(harness):
    for kind in (CDS, LDS, EDS):
        harness.watch(kind, ["x"], Recorder())
    harness.mux.opened()
    assert kinds(harness) == ["Cluster", "Listener", "ClusterLoadAssignment"]
    harness.mux.closed("")
    harness.mux.opened()
    assert kinds(harness) == ["Cluster", "Listener", "ClusterLoadAssignment"]


def test_what_is_asked_for_while_an_answer_is_taken_goes_before_its_ack(harness):
    def more(_):
        with harness.pauses.paused(EDS.type_url):
            harness.watch(EDS, ["a"], Recorder())
            assert harness.sent() == []
            harness.watch(EDS, ["b"], Recorder())

    harness.watch(CDS, None, Recorder(on_update=more))
    harness.mux.opened()
    harness.sent()
    harness.mux.receive(answer(CDS, "v1", "n1", "a", "b"))
    endpoints, ack = harness.sent()
    assert endpoints.type_url == EDS.type_url
    assert ack.nonce == "n1"


def test_a_pause_holds_requests_and_acks_of_its_type_alone(harness):
    harness.watch(CDS, None, Recorder())
    harness.watch(LDS, None, Recorder())
    harness.mux.opened()
    harness.sent()
    with harness.pauses.paused(CDS.type_url):
        harness.mux.receive(answer(CDS, "v1", "n1", "a"))
        harness.mux.receive(answer(LDS, "v1", "n2", "l"))
        assert [request.nonce for request in harness.sent()] == ["n2"]
        assert harness.mux.waiting == 1
    assert [request.nonce for request in harness.sent()] == ["n1"]


def test_pauses_nest_and_wake_the_stream_when_the_last_ends(harness):
    harness.pauses.listen(harness._wake)
    harness.mux.opened()
    outer = harness.pauses.paused(CDS.type_url)
    with outer:
        with harness.pauses.paused(CDS.type_url):
            harness.watch(CDS, None, Recorder())
        before = harness.woken
        assert harness.sent() == []
    assert harness.woken == before + 1
    assert kinds(harness) == ["Cluster"]
    harness.pauses.forget(harness._wake)


def test_a_subscription_on_an_open_stream_wakes_it(harness):
    harness.mux.opened()
    harness.watch(CDS, None, Recorder())
    assert harness.woken == 1


def test_a_stream_that_ends_is_told_to_all_and_its_acks_are_forgotten(harness):
    clusters, endpoints = Recorder(), Recorder()
    harness.watch(CDS, None, clusters)
    harness.watch(EDS, ["a"], endpoints)
    harness.mux.opened()
    harness.sent()
    harness.mux.receive(answer(CDS, "v1", "n1", "a"))
    harness.mux.closed("14, unavailable")
    assert clusters.failures == endpoints.failures == [("CONNECTION", "14, unavailable")]
    assert harness.mux.waiting == 0
    harness.mux.opened()
    assert all(request.nonce == "" for request in harness.sent())


def test_a_mux_is_idle_when_nobody_wants_anything(harness):
    assert harness.mux.idle
    watch = harness.watch(EDS, ["a"], Recorder())
    assert not harness.mux.idle
    harness.mux.unwatch(watch)
    harness.mux.unwatch(watch)
    assert harness.mux.idle
