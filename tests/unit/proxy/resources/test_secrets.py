"""Secrets over SDS: shared, the last good one stays, never shown."""

import pytest

from lateen.proxy.resources.dump import DynamicDump
from lateen.proxy.resources.secrets import redacted
from tests.support.xds_resources import ADS, PREFIX, message
from tests.unit.proxy.resources.support import BOOTSTRAP, Proxy

SDS = PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"
STATIC = """
  secrets:
  - name: own
    generic_secret: {secret: {inline_string: hidden}}
"""


def secret(name, text):
    source = {"inline_string": text}
    return message(
        SDS, {"name": name, "tls_certificate": {"certificate_chain": source, "private_key": source}}
    )


@pytest.fixture
def proxy():
    return Proxy(BOOTSTRAP + STATIC)


@pytest.fixture
def source():
    return message(PREFIX + "envoy.config.core.v3.ConfigSource", ADS)


def test_users_share_a_subscription(proxy, source):
    manager, first, second = proxy.dynamic.secrets, [], []
    manager.acquire(source, "s", first.append)
    proxy.xds.send(SDS, secret("s", "1"))
    manager.acquire(source, "s", second.append)
    assert len(proxy.xds.open(SDS)) == 1
    proxy.xds.send(SDS, secret("s", "2"))
    proxy.xds.send(SDS, secret("s", "2"))
    assert [each.tls_certificate.private_key.inline_string for each in first] == ["1", "2"]
    assert [each.tls_certificate.private_key.inline_string for each in second] == ["1", "2"]
    manager.release(source, "s", first.append)
    manager.release(source, "s", second.append)
    assert proxy.xds.open(SDS) == []


def test_the_last_good_one_stays(proxy, source):
    seen = []
    proxy.dynamic.secrets.acquire(source, "s", seen.append)
    proxy.xds.send(SDS, secret("s", "1"))
    subscriber = proxy.xds.open(SDS)[0].subscriber
    from lateen.xds.subscription import Resource, Update
    from tests.support.xds_resources import resource

    wrong = Update([resource(secret("t", "2"))], (), "2", False)
    assert subscriber.take(wrong).summary == "Unexpected SDS secret (expecting s): t"
    broken = Update([Resource("s", "2", SDS, b"\xff")], (), "2", False)
    assert subscriber.take(broken).summary.startswith("Unable to unpack as")
    assert subscriber.take(Update((), (), "2", False)).summary.startswith("Missing SDS resources")
    assert len(seen) == 1


def test_keys_are_not_shown(proxy, source):
    proxy.dynamic.secrets.acquire(source, "s", lambda _: None)
    proxy.xds.send(SDS, secret("s", "key"))
    shown = DynamicDump(proxy.dynamic, lambda name: True).secrets()
    (static,) = shown["static_secrets"]
    assert static["secret"]["generic_secret"]["secret"] == {"inline_string": "[redacted]"}
    (dynamic,) = shown["dynamic_active_secrets"]
    assert (dynamic["name"], dynamic["version_info"]) == ("s", "1")
    certificate = dynamic["secret"]["tls_certificate"]
    assert certificate["private_key"] == {"inline_string": "[redacted]"}
    assert certificate["certificate_chain"] == {"inline_string": "key"}
    kept = secret("s", "key")
    assert redacted(kept) != kept
