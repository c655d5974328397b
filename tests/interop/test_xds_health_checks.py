"""Clusters with health checks over xDS: they warm until hosts were checked, and hosts stay or go
as their checks say, on Envoy and on Lateen.
"""

from __future__ import annotations

import contextlib
import re

import pytest

from tests.support.upstream import Hold, Script, Sleep, Upstream, raw, reply
from tests.support.xds_resources import CDS, EDS, RDS, assignment, cluster, routes

CHECK = {
    "timeout": "5s",
    "interval": "0.1s",
    "no_traffic_interval": "0.1s",
    "unhealthy_threshold": 1,
    "healthy_threshold": 1,
    "http_health_check": {"path": "/hc"},
}
GOOD = reply(200, b"checked")
BAD = reply(503, b"bad")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


def checked(name="c", check=None, **more):
    """A cluster that checks its hosts."""
    return cluster(name, health_checks=[{**CHECK, **(check or {})}], **more)


def service(stack, *answers):
    """A host that answers its checks in turn."""
    return stack.enter_context(Upstream(Script([GOOD], paths={"/hc": answers or [GOOD]})))


def flags(setting, name="c"):
    """The health of the hosts of a cluster by port."""
    text = setting.proxy.admin(f"/clusters?filter=^{name}$").text
    found = re.findall(r"127\.0\.0\.1:(\d+)::health_flags::(\S+)", text)
    return {int(port): flags for port, flags in found}


def test_a_cluster_is_used_once_its_hosts_were_checked(setting, stack):
    slow = service(stack, raw(Hold()))
    setting.start()
    setting.until("one")
    setting.put(EDS, assignment("a", setting.one), assignment("c", slow.port))
    setting.put(CDS, cluster("a"), checked(check={"timeout": "1s"}))
    setting.until(1, lambda: setting.proxy.stats()["cluster_manager.warming_clusters"])
    setting.until(0, lambda: setting.proxy.stats()["cluster_manager.warming_clusters"])
    assert flags(setting) == {slow.port: "/failed_active_hc/active_hc_timeout"}


def test_first_checks_go_on_when_other_hosts_come(setting, stack):
    slow, one = service(stack, raw(Sleep(2.0), HEAD)), service(stack)
    setting.start()
    setting.until("one")
    setting.put(EDS, assignment("a", setting.one), assignment("c", slow.port))
    setting.put(CDS, cluster("a"), checked(check={"interval": "60s", "no_traffic_interval": "60s"}))
    setting.until(1, lambda: len(slow.requests))
    setting.put(EDS, assignment("a", setting.one), assignment("c", slow.port, one.port))
    setting.until({slow.port: "healthy", one.port: "healthy"}, lambda: flags(setting))
    setting.until(0, lambda: setting.proxy.stats()["cluster_manager.warming_clusters"])
    assert [len(slow.requests), len(one.requests)] == [1, 1]
    stats = setting.proxy.stats()
    assert stats["cluster.c.health_check.attempt"] == 2


def test_a_host_that_passes_stays_until_it_fails(setting, stack):
    one, two = service(stack), service(stack)
    setting.start(clusters=[checked()], endpoints=[assignment("c", one.port)])
    setting.until("one")
    setting.put(RDS, routes("r", "c"))
    setting.until("checked")
    setting.put(EDS, assignment("a", setting.one), assignment("c", two.port))
    setting.until(
        {one.port: "/pending_dynamic_removal", two.port: "healthy"}, lambda: flags(setting)
    )
    setting.put(EDS, assignment("a", setting.one), assignment("c", one.port, two.port))
    setting.until({one.port: "healthy", two.port: "healthy"}, lambda: flags(setting))
    setting.put(EDS, assignment("a", setting.one), assignment("c", two.port))
    setting.until(
        {one.port: "/pending_dynamic_removal", two.port: "healthy"}, lambda: flags(setting)
    )
    one.script = Script([GOOD], paths={"/hc": [BAD]})
    setting.until({two.port: "healthy"}, lambda: flags(setting))
    assert setting.proxy.stats()["cluster.c.membership_total"] == 1


def test_a_host_may_go_although_it_passes(setting, stack):
    one, two = service(stack), service(stack)
    clusters = [checked(ignore_health_on_host_removal=True)]
    setting.start(clusters=clusters, endpoints=[assignment("c", one.port)])
    setting.until("one")
    setting.put(EDS, assignment("a", setting.one), assignment("c", two.port))
    setting.until({two.port: "healthy"}, lambda: flags(setting))
    stats = setting.proxy.stats()
    assert stats["cluster.c.membership_total"] == 1
    assert stats["cluster.c.health_check.failure"] == 0


def test_health_is_kept_when_other_hosts_come(setting, stack):
    one, slow = service(stack), service(stack, raw(Hold()))
    setting.start(clusters=[checked()], endpoints=[assignment("c", one.port)])
    setting.until({one.port: "healthy"}, lambda: flags(setting))
    setting.put(EDS, assignment("a", setting.one), assignment("c", one.port, slow.port))
    setting.until({one.port: "healthy", slow.port: "/failed_active_hc"}, lambda: flags(setting))
    stats = setting.proxy.stats()
    assert stats["cluster.c.membership_healthy"] == 1
    assert stats["cluster.c.membership_total"] == 2


def test_new_hosts_do_not_count_before_they_were_checked(setting, stack):
    one, slow = service(stack), service(stack, raw(Hold()))
    lb = {"ignore_new_hosts_until_first_hc": True}
    clusters = [checked(common_lb_config=lb, check={"timeout": "1s"})]
    setting.start(clusters=clusters, endpoints=[assignment("c", one.port)])
    setting.until({one.port: "healthy"}, lambda: flags(setting))
    setting.put(EDS, assignment("a", setting.one), assignment("c", one.port, slow.port))
    pending = {one.port: "healthy", slow.port: "/failed_active_hc/pending_active_hc"}
    setting.until(pending, lambda: flags(setting))
    stats = setting.proxy.stats()
    assert stats["cluster.c.membership_excluded"] == 1
    failed = {one.port: "healthy", slow.port: "/failed_active_hc/active_hc_timeout"}
    setting.until(failed, lambda: flags(setting))
    setting.until(0, lambda: setting.proxy.stats()["cluster.c.membership_excluded"])
