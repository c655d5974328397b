import json

import pytest

from lateen.protos import worker_pb2
from lateen.proxy.admin.registry import ENDPOINTS
from lateen.proxy.stats.process import ServerState


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.mutates])
def test_what_changes_something_needs_post(admin, endpoint):
    response = admin.ask(endpoint.path)
    assert response.status == 405
    assert response.body == "Method GET not allowed, POST required."
    assert admin.control.calls == []
    assert f'admin path "{endpoint.path}" mutates state' in admin.log_file.read_text()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_answers(admin, endpoint):
    response = admin.ask(endpoint.path, "POST")
    body = response.body if isinstance(response.body, str) else "".join(response.body)
    assert response.status in (200, 400, 500, 501)
    assert "internal error" not in body
    if response.content_type == "application/json":
        json.loads(body)


def test_an_unknown_path_gets_the_help(admin):
    response = admin.ask("/nothing?x")
    assert response.status == 404
    assert str(response.body).startswith("invalid path. admin commands are:\n  /: ")
    assert "  /quitquitquit (POST): " in str(response.body)
    assert admin.text("/help").startswith("admin commands are:\n  /: ")


def test_ready(admin):
    assert (admin.ask("/ready").status, admin.text("/ready")) == (200, "LIVE\n")
    admin.control.state = ServerState.DRAINING
    assert (admin.ask("/ready").status, admin.text("/ready")) == (503, "DRAINING\n")


def test_clusters_in_text(admin):
    lines = admin.text("/clusters").splitlines()
    assert lines[0] == "be::observability_name::be"
    assert "be::[::1]:1::rq_total::4" in lines
    assert "be::[::1]:1::health_flags::healthy" in lines
    assert "be::[::1]:1::zone::z" in lines
    assert "other::default_priority::max_requests::7" in lines
    assert "other::high_priority::max_requests::1024" in lines
    assert admin.text("/clusters?filter=^o").startswith("other::")
    assert admin.ask("/clusters?filter=(").status == 400


def test_what_keeps_a_host_from_being_healthy(admin):
    (host,) = admin.core.cluster_statuses.clusters[1].hosts
    host.health = worker_pb2.Endpoint.UNHEALTHY
    for name in ("failed_active_hc", "degraded_active_hc", "active_hc_timeout"):
        setattr(host, name, True)
    flags = "/failed_active_hc/failed_eds_health/degraded_active_hc/active_hc_timeout"
    assert f"be::[::1]:1::health_flags::{flags}" in admin.text("/clusters").splitlines()
    be = json.loads(admin.text("/clusters?format=json&filter=be"))["cluster_statuses"][0]
    assert be["host_statuses"][0]["health_status"] == {
        "failed_active_health_check": True,
        "eds_health_status": "UNHEALTHY",
        "failed_active_degraded_check": True,
        "active_hc_timeout": True,
    }


def test_clusters_in_json(admin):
    clusters = json.loads(admin.text("/clusters?format=json"))["cluster_statuses"]
    assert [cluster["name"] for cluster in clusters] == ["be", "other"]
    (host,) = clusters[0]["host_statuses"]
    assert host["address"] == {"socket_address": {"address": "::1", "port_value": 1}}
    assert host["stats"][0] == {"name": "cx_connect_fail"}
    assert host["stats"][-3] == {"type": "GAUGE", "value": "1", "name": "cx_active"}
    assert (host["weight"], host["hostname"], host["locality"]) == (2, "local", {"zone": "z"})
    thresholds = clusters[1]["circuit_breakers"]["thresholds"]
    assert thresholds[0]["max_requests"] == 7
    assert thresholds[1]["priority"] == "HIGH"


def test_listeners(admin):
    assert admin.text("/listeners") == "main::127.0.0.1:10000\n"
    (listener,) = json.loads(admin.text("/listeners?format=json"))["listener_statuses"]
    assert listener["local_address"]["socket_address"]["port_value"] == 10000


def test_logging(admin):
    listed = admin.text("/logging", "POST")
    assert listed.startswith("active loggers:\n  a2a: info\n")
    assert "  http: debug\n  http2: info\n" in admin.text("/logging?http=debug", "POST")
    listed = admin.text("/logging?paths=http:info,router:trace", "POST")
    assert "  router: trace\n" in listed
    assert "  admin: off\n" in admin.text("/logging?level=off", "POST")


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("level=loud", "unknown logger level"),
        ("nothing=info", "unknown logger name"),
        ("paths=http", "empty logger name or empty logger level"),
        ("http=info&router=info", "invalid number of parameters"),
        ("group=http:info", "group parameter requires fine-grain logging"),
    ],
)
def test_logging_mistakes(admin, query, error):
    response = admin.ask(f"/logging?{query}", "POST")
    assert response.status == 400
    assert str(response.body).startswith(f"error: {error}")
    assert "\nusage: /logging?<name>=<level>" in str(response.body)
    assert "  http: info\n" in str(response.body)


def test_what_the_server_is_told(admin):
    for path in (
        "/healthcheck/fail",
        "/healthcheck/ok",
        "/drain_listeners?graceful&inboundonly",
        "/reopen_logs",
        "/quitquitquit",
    ):
        assert admin.text(path, "POST") == "OK\n"
    assert admin.control.calls == [
        ("health", True),
        ("health", False),
        {"graceful": True, "inbound_only": True, "skip_exit": False},
        "reopen",
        "quit",
    ]


def test_runtime(admin):
    found = json.loads(admin.text("/runtime"))
    assert found["layers"] == ["base", "admin"]
    assert found["entries"]["b.c"] == {"final_value": "x", "layer_values": ["x", ""]}
    assert admin.text("/runtime_modify?a=2&z=", "POST") == "OK\n"
    entry = json.loads(admin.text("/runtime"))["entries"]["a"]
    assert entry == {"final_value": "2", "layer_values": ["1", "2"]}
    assert b"'a': '2'" in admin.core.calls[-1][1]
    admin.text("/runtime_modify?a=", "POST")
    assert json.loads(admin.text("/runtime"))["entries"]["a"]["final_value"] == "1"


def test_runtime_without_an_admin_layer(admin):
    admin.context.runtime.layers[-1].admin = False
    response = admin.ask("/runtime_modify?a=2", "POST")
    assert (response.status, response.body) == (503, "No admin layer specified")


def test_server_info(admin):
    info = json.loads(admin.text("/server_info"))
    assert info["state"] == "LIVE"
    assert info["node"]["id"] == "node-1"
    assert info["version"].split("/")[1] == "1.40.0"
    assert info["command_line_options"]["file_flush_interval"] == "10s"
    assert info["command_line_options"]["concurrency"] == 2


def test_stats(admin):
    lines = dict(line.split(": ", 1) for line in admin.text("/stats").splitlines())
    assert lines["server.concurrency"] == "2"
    assert lines["listener.127.0.0.1_10000.worker_1.downstream_cx_total"] == "0"
    assert lines["listener.127.0.0.1_10000.http.in.downstream_rq_2xx"] == "0"
    assert lines["cluster.other.upstream_cx_total"] == "0"
    assert admin.text("/stats?filter=^server.live$") == "server.live: 1\n"
    assert 'cluster_name="be"' in admin.text("/stats?format=prometheus&filter=be")
    assert admin.text("/stats?format=html&filter=server.live").count("server.live: 1") == 1


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("/stats?format=x", "usage: /stats?format=(html|active-html|json|prometheus|text)\n\n"),
        ("/stats?type=counters", "invalid &type= param"),
        ("/stats?filter=(", "Invalid re2 regex: missing ): ("),
        (
            "/stats?histogram_buckets=x",
            "usage: /stats?histogram_buckets="
            "(cumulative|disjoint|detailed|summary|prometheusnative)\n",
        ),
        (
            "/stats/prometheus?histogram_buckets=disjoint",
            "unsupported prometheus histogram bucket mode",
        ),
    ],
)
def test_stats_mistakes(admin, target, answer):
    response = admin.ask(target)
    assert (response.status, response.body) == (400, answer)


def test_reset_counters(admin):
    assert admin.text("/reset_counters", "POST") == "OK\n"
    assert ("reset_counters",) in admin.core.calls


def test_a_failing_endpoint_does_not_end_the_listener(admin):
    admin.core.clusters = lambda: b"\xff"
    response = admin.ask("/clusters")
    assert (response.status, response.body) == (500, "internal error\n")
    assert "/clusters: DecodeError" in admin.log_file.read_text()


def test_recent_lookups_are_listed_once_enabled(admin):
    assert "not enabled" in admin.text("/stats/recentlookups")
    assert admin.text("/stats/recentlookups/enable", "POST") == "OK\n"
    assert admin.text("/stats/recentlookups") == "   Count Lookup\n\ntotal: 0\n"
    admin.ask("/stats/recentlookups/disable", "POST")
    assert "not enabled" in admin.text("/stats/recentlookups")


def test_a_counter_that_was_reset_stays_used(admin):
    admin.core.codes.append((3, 0, 404, 2))
    before = admin.text("/stats?usedonly&type=Counters")
    admin.ask("/reset_counters", "POST")
    admin.core.codes.clear()
    after = admin.text("/stats?usedonly&type=Counters")
    names = [line.partition(": ")[0] for line in before.splitlines() if "upstream_rq_404" in line]
    assert names
    assert all(f"{name}: 0\n" in after for name in names)


def test_hidden_stats(admin):
    assert admin.text("/stats?hidden=only") == ""
    assert admin.text("/stats?hidden=include&filter=server.live") == "server.live: 1\n"
    assert admin.ask("/stats?hidden=x").status == 400


def test_levels_without_a_value_are_only_shown(admin):
    for query in ("level", "level=", "paths="):
        assert admin.ask(f"/logging?{query}", "POST").status == 200
    assert admin.ask("/logging?level=warn", "POST").status == 400
