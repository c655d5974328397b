"""Internal listeners that come, change and go over ADS: the same on Envoy and on Lateen."""

from __future__ import annotations

from tests.support.xds_resources import EDS, LDS, PREFIX, listener, message

INTERNAL = PREFIX + "envoy.extensions.bootstrap.internal_listener.v3.InternalListener"


def inner(text):
    answer = {"status": 200, "body": {"inline_string": text}}
    route = {"match": {"prefix": "/"}, "direct_response": answer}
    hosts = [{"name": "v", "domains": ["*"], "routes": [route]}]
    manager = {"route_config": {"virtual_hosts": hosts}}
    made = listener("inner", 0, manager=manager, internal_listener={})
    made.ClearField("address")
    return made


def endpoint():
    address = {"envoy_internal_address": {"server_listener_name": "inner", "endpoint_id": "x"}}
    hosts = [{"endpoint": {"address": address}}]
    return message(EDS, {"cluster_name": "a", "endpoints": [{"lb_endpoints": hosts}]})


def test_an_internal_listener_comes_changes_and_goes(setting):
    extension = {"name": "internal", "typed_config": {"@type": INTERNAL}}
    setting.bootstrap["bootstrap_extensions"] = [extension]
    setting.start()
    setting.until("one")
    setting.put(EDS, endpoint())
    setting.until(503)
    for text in ("first", "second"):
        setting.put(LDS, inner(text))
        setting.until(text)
    assert "inner::envoy://inner/\n" in setting.proxy.admin("/listeners").text
    setting.server.remove(LDS, ["inner"])
    setting.until(503)
    assert "inner" not in setting.proxy.admin("/listeners").text


def test_an_internal_listener_without_the_extension_is_refused(setting):
    setting.start()
    setting.until("one")
    start = len(setting.server.requests)
    setting.put(LDS, inner("never"))
    assert "InternalListener bootstrap extension is mandatory" in setting.nack(LDS, start)
    assert setting.ask() == "one"
