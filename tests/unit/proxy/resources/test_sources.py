"""Sources from which nothing can come."""

import pytest

from lateen.proxy.xds.source import SourceError
from tests.support.xds_resources import CDS, EDS, LDS, RDS, cluster, listener, static_cluster
from tests.unit.proxy.resources.support import Proxy


class Picky:
    """Refuses subscriptions of some types."""

    def __init__(self, subscriptions):
        self.refused = set()
        self._subscribe = subscriptions.subscribe
        subscriptions.subscribe = self.subscribe

    def subscribe(self, source, type_url, *rest):
        if type_url in self.refused:
            raise SourceError("no such source")
        return self._subscribe(source, type_url, *rest)


@pytest.fixture
def proxy():
    proxy = Proxy()
    proxy.xds.send(CDS, static_cluster("s"))
    proxy.xds.send(LDS)
    proxy.core.updates.clear()
    proxy.picky = Picky(proxy.xds)
    return proxy


def test_a_cluster_whose_endpoints_cannot_come(proxy):
    proxy.picky.refused.add(EDS)
    outcome = proxy.xds.send(CDS, static_cluster("s"), cluster("a"))
    assert outcome.summary == "Error adding/updating cluster(s) a: no such source"
    assert list(proxy.dynamic.clusters.warming) == []
    assert proxy.xds.pauses[CDS] == 0
    assert "cluster.a" not in {block.prefix for block in proxy.dynamic._context.blocks}
    proxy.picky.refused.clear()
    assert proxy.xds.send(CDS, static_cluster("s"), cluster("a")).accepted
    assert list(proxy.dynamic.clusters.warming) == ["a"]


def test_a_listener_whose_routes_cannot_come(proxy):
    proxy.picky.refused.add(RDS)
    outcome = proxy.xds.send(LDS, listener("l", 80))
    assert outcome.summary == "Error adding/updating listener(s) l: no such source\n"
    assert proxy.dynamic.routes.found == {}
    assert list(proxy.dynamic.listeners.warming.names()) == []
    assert "http.in" not in {block.prefix for block in proxy.dynamic._context.blocks}
    proxy.picky.refused.clear()
    assert proxy.xds.send(LDS, listener("l", 80)).accepted
