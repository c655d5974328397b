"""Who a proxy is, as its node tells it."""

import pytest

from lateen.control.model.proxy import Interception
from lateen.control.wire import proxy_of
from lateen.protos import envoy_types

ID = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local"


def told(locality=("", "", ""), **metadata):
    node = envoy_types().message_class("envoy.config.core.v3.Node")(id=ID)
    node.locality.region, node.locality.zone, node.locality.sub_zone = locality
    node.metadata.update(metadata)
    return proxy_of(node)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("REDIRECT", Interception.REDIRECT),
        ("TPROXY", Interception.TPROXY),
        ("NONE", Interception.NONE),
        # As Istio takes what it does not know.
        ("none", Interception.REDIRECT),
        ("", Interception.REDIRECT),
    ],
)
def test_how_traffic_comes_to_it(name, mode):
    assert told(INTERCEPTION_MODE=name).interception is mode


@pytest.mark.parametrize(
    ("value", "captured"), [("true", True), (True, True), ("false", False), (False, False)]
)
def test_whether_names_are_looked_up_with_it(value, captured):
    assert told(DNS_CAPTURE=value).dns_capture is captured
    assert not told().dns_capture


def test_where_it_is():
    assert told(("r", "z", "s")).locality == "r/z/s"
    assert told(("r", "", "")).locality == "r"
    # What labels say of the workload goes before.
    labels = {"topology.kubernetes.io/region": "other", "app": "a"}
    found = told(("r", "z", "s"), LABELS=labels)
    assert (found.locality, found.labels) == ("other", labels)
    assert told(("r", "z", "")).labels == {
        "topology.kubernetes.io/region": "r",
        "topology.kubernetes.io/zone": "z",
    }


def test_all_addresses_of_the_workload():
    assert told(INSTANCE_IPS="10.0.0.1,fd00::1").addresses == ("10.0.0.1", "fd00::1")
    assert told(INSTANCE_IPS="fd00::1,nothing").addresses == ("10.0.0.1",)
