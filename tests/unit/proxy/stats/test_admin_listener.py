from lateen.proxy.stats.admin_listener import AdminListenerStats
from lateen.proxy.stats.histograms import Histograms


def values(stats):
    return {
        scope.prefix + stat.name: stat.value for scope in stats.scopes() for stat in scope.stats()
    }


def test_a_request_is_counted():
    stats = AdminListenerStats(Histograms())
    stats.opened()
    stats.received(80)
    stats.request_begun()
    during = values(stats)
    assert during["http.admin.downstream_rq_active"] == 1
    assert during["listener.admin.main_thread.downstream_cx_active"] == 1
    stats.response_begun(404)
    assert values(stats)["http.admin.downstream_rq_4xx"] == 1
    stats.sent(200)
    stats.request_ended(3)
    stats.closed(5, remote=True, mid_request=False)
    after = values(stats)
    assert after["http.admin.downstream_rq_4xx"] == 1
    assert after["listener.admin.http.admin.downstream_rq_completed"] == 1
    assert after["http.admin.downstream_cx_destroy_remote"] == 1
    assert after["listener.admin.downstream_cx_active"] == 0
    assert after["http.admin.downstream_cx_rx_bytes_total"] == 80
    assert "http.admin.no_route" not in after


def test_reset_keeps_gauges():
    stats = AdminListenerStats(Histograms())
    stats.opened()
    stats.reset()
    assert values(stats)["http.admin.downstream_cx_total"] == 0
    assert values(stats)["http.admin.downstream_cx_active"] == 1
