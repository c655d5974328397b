"""Clusters of what requests name over ADS: the same on Envoy and on Lateen."""

from __future__ import annotations

from tests.support.client import Client
from tests.support.xds_resources import CDS, LDS, PREFIX, RDS, ROUTER, cluster, listener, routes

TYPE = PREFIX + "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"
FILTER = PREFIX + "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig"


def cache(most):
    return {"name": "names", "max_hosts": most, "dns_lookup_family": "V4_ONLY"}


def forward(name, most, **more):
    config = {"@type": TYPE, "dns_cache_config": cache(most)}
    typed = {"name": "dfp", "typed_config": config}
    return cluster(
        name,
        type=None,
        eds_cluster_config=None,
        lb_policy="CLUSTER_PROVIDED",
        cluster_type=typed,
        **more,
    )


def waiting(port, most):
    config = {"@type": FILTER, "dns_cache_config": cache(most)}
    source = {"config_source": {"ads": {}, "resource_api_version": "V3"}}
    manager = {
        "rds": {**source, "route_config_name": "r"},
        "http_filters": [{"name": "dfp", "typed_config": config}, ROUTER],
    }
    return listener("l", port, manager=manager)


def asks(setting, port):
    """What a request says that goes to that port of localhost."""

    def ask():
        with Client(("127.0.0.1", setting.port), timeout=5) as client:
            client.send(f"GET / HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n".encode())
            response = client.read_response()
            return response.text if response.status == 200 else response.status

    return ask


def test_a_cluster_comes_changes_and_goes(setting):
    setting.start()
    setting.until("one")
    setting.put(CDS, cluster("a"), forward("names", 7))
    setting.put(RDS, routes("r", "names"))
    setting.until("two", asks(setting, setting.two))
    setting.put(CDS, cluster("a"), forward("names", 7, connect_timeout="2s"))
    setting.until("one", asks(setting, setting.one))
    setting.until("two", asks(setting, setting.two))
    setting.put(LDS, waiting(setting.port, 7))
    setting.until("one", asks(setting, setting.one))
    setting.server.remove(CDS, ["names"])
    setting.until(503, asks(setting, setting.one))
    assert asks(setting, setting.two)() == 503


def test_settings_of_a_cache_that_is_in_use_are_refused(setting):
    setting.start(clusters=[forward("names", 7)])
    setting.until("one")
    start = len(setting.server.requests)
    setting.put(LDS, waiting(setting.port, 8))
    reason = "config specified DNS cache 'names' with different settings"
    assert reason in setting.nack(LDS, start)
    start = len(setting.server.requests)
    setting.put(CDS, cluster("a"), forward("names", 8))
    assert reason in setting.nack(CDS, start)
    assert setting.ask() == "one"
