"""Runtime layers over RTDS."""

import pytest

from tests.support.xds_resources import CDS, PREFIX, message
from tests.unit.proxy.resources.support import BOOTSTRAP, Proxy

RTDS = PREFIX + "envoy.service.runtime.v3.Runtime"
LAYERS = """
layered_runtime:
  layers:
  - name: dynamic
    rtds_layer: {name: rt, rtds_config: {ads: {}, resource_api_version: V3}}
"""


@pytest.fixture
def proxy():
    return Proxy(BOOTSTRAP + LAYERS)


def layer(name, **values):
    return message(RTDS, {"name": name, "layer": values})


def test_clusters_wait_for_the_layers(proxy):
    assert proxy.xds.trace == [("Runtime", ("rt",))]
    assert proxy.dynamic.pending == ["RTDS rt"]
    assert proxy.xds.send(RTDS, layer("rt", a=1, b={"c": "x"})).accepted
    assert proxy.runtime.merged() == {"a": "1", "b.c": "x"}
    assert proxy.xds.names(CDS) == [None]


def test_clusters_do_without_layers_in_the_end(proxy):
    proxy.xds.fail(RTDS, "rt")
    assert proxy.xds.names(CDS) == [None]


def test_what_is_bad_changes_nothing(proxy):
    proxy.xds.send(RTDS, layer("rt", a=1))
    outcome = proxy.xds.send(RTDS, layer("rt", a=[1]))
    assert outcome.summary.startswith("Invalid runtime entry value for a")
    assert proxy.runtime.merged() == {"a": "1"}


def test_a_layer_that_is_removed_has_no_values(proxy):
    from lateen.xds.subscription import Update

    proxy.xds.send(RTDS, layer("rt", a=1))
    subscriber = proxy.xds.open(RTDS, "rt")[0].subscriber
    assert subscriber.take(Update((), ("rt",), "2", False)).accepted
    assert proxy.runtime.merged() == {}
