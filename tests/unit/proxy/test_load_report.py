"""What load reports say, from what hosts have counted."""

import pytest

from lateen.protos import envoy_types, worker_pb2
from lateen.proxy.load_report import ClusterLoad, LoadReport

NODE = envoy_types().message_class("envoy.config.core.v3.Node")(id="n").SerializeToString()


def host(port, *, issued=0, success=0, error=0, active=0, zone="", priority=0):
    address = worker_pb2.Address(socket=worker_pb2.SocketAddress(host="127.0.0.1", port=port))
    return worker_pb2.HostStatus(
        address=address,
        zone=zone,
        priority=priority,
        rq_total=issued,
        rq_success=success,
        rq_error=error,
        rq_active=active,
    )


def response(**fields):
    kind = envoy_types().message_class("envoy.service.load_stats.v3.LoadStatsResponse")
    return kind(**fields)


def localities(request):
    """zone: issued, success, error, in progress."""
    return {
        each.locality.zone: (
            each.total_issued_requests,
            each.total_successful_requests,
            each.total_error_requests,
            each.total_requests_in_progress,
        )
        for each in request.cluster_stats[0].upstream_locality_stats
    }


@pytest.fixture
def report():
    return LoadReport(NODE)


def test_nothing_is_reported_before_it_is_asked_for(report):
    request = report.request({"be": ClusterLoad([host(1, issued=3)])}, 1.0)
    assert request.node.id == "n"
    assert list(request.node.client_features) == ["envoy.lrs.supports_send_all_clusters"]
    assert not request.cluster_stats


def test_reports_are_differences(report):
    report.track(response(clusters=["be"]), {"be": ClusterLoad([host(1, issued=3, success=3)])}, 1)
    after = ClusterLoad([host(1, issued=8, success=5, error=1, active=2)])
    request = report.request({"be": after}, 3.5)
    assert localities(request) == {"": (5, 2, 1, 2)}
    assert request.cluster_stats[0].load_report_interval.ToMilliseconds() == 2500
    request = report.request({"be": ClusterLoad([host(1, issued=8, success=5, error=1)])}, 4)
    assert localities(request) == {}
    assert request.cluster_stats[0].load_report_interval.ToMilliseconds() == 500


def test_another_answer_does_not_begin_anew(report):
    wanted = response(clusters=["be"])
    report.track(wanted, {"be": ClusterLoad([host(1, issued=1)])}, 1)
    report.track(wanted, {"be": ClusterLoad([host(1, issued=4)])}, 2)
    request = report.request({"be": ClusterLoad([host(1, issued=4)])}, 3)
    assert localities(request) == {"": (3, 0, 0, 0)}
    assert request.cluster_stats[0].load_report_interval.ToMilliseconds() == 2000


def test_what_began_before_the_last_report_is_counted_when_it_ends(report):
    report.track(response(clusters=["be"]), {"be": ClusterLoad([host(1, issued=1, active=1)])}, 1)
    request = report.request({"be": ClusterLoad([host(1, issued=1, success=1)])}, 2)
    assert localities(request) == {"": (0, 1, 0, 0)}


def test_a_host_that_came_back_counts_from_nothing(report):
    report.track(response(clusters=["be"]), {"be": ClusterLoad([host(1, issued=9, success=9)])}, 1)
    request = report.request({"be": ClusterLoad([host(1, issued=2, success=2)])}, 2)
    assert localities(request) == {"": (2, 2, 0, 0)}


def test_hosts_are_summed_by_priority_and_locality(report):
    hosts = [
        host(1, zone="b", issued=1),
        host(2, zone="a", issued=2),
        host(3, zone="b", issued=4),
        host(4, zone="c", priority=1, issued=8),
    ]
    report.track(response(clusters=["be"]), {}, 1)
    request = report.request({"be": ClusterLoad(hosts)}, 2)
    assert list(localities(request).items()) == [
        ("a", (2, 0, 0, 0)),
        ("b", (5, 0, 0, 0)),
        ("c", (8, 0, 0, 0)),
    ]
    found = request.cluster_stats[0].upstream_locality_stats
    assert [each.priority for each in found] == [0, 0, 1]
    assert not any(each.upstream_endpoint_stats for each in found)


def test_endpoints_of_which_there_is_something_to_say(report):
    report.track(response(clusters=["be"], report_endpoint_granularity=True), {}, 1)
    request = report.request({"be": ClusterLoad([host(1, issued=1), host(2)])}, 2)
    (locality,) = request.cluster_stats[0].upstream_locality_stats
    (endpoint,) = locality.upstream_endpoint_stats
    assert endpoint.address.socket_address.port_value == 1
    assert endpoint.total_issued_requests == 1


def test_dropped_requests(report):
    report.track(response(clusters=["be"]), {"be": ClusterLoad([], "s", 2, 1, "full")}, 1)
    (stats,) = report.request({"be": ClusterLoad([], "s", 7, 4, "full")}, 2).cluster_stats
    assert stats.cluster_service_name == "s"
    assert stats.total_dropped_requests == 5
    assert [(each.category, each.dropped_count) for each in stats.dropped_requests] == [("full", 3)]


def test_all_clusters_are_those_of_the_moment(report):
    report.track(response(send_all_clusters=True), {"a": ClusterLoad([])}, 1)
    later = {"a": ClusterLoad([]), "b": ClusterLoad([host(1, issued=1)])}
    assert [each.cluster_name for each in report.request(later, 2).cluster_stats] == ["a"]
    report.follow_all(later, 2)
    request = report.request({"b": ClusterLoad([host(1, issued=3)])}, 3)
    assert [each.cluster_name for each in request.cluster_stats] == ["b"]
    assert localities(request) == {"": (2, 0, 0, 0)}
