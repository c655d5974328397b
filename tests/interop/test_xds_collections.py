"""Clusters and listeners of collections: the same of the real Envoy and of Lateen."""

from __future__ import annotations

import contextlib
import json
import os

from tests.interop.xds_setting import Setting
from tests.support.xds_resources import (
    CDS,
    EDS,
    LDS,
    PREFIX,
    RDS,
    assignment,
    cluster,
    listener,
    routes,
    static_cluster,
)

CLUSTERS = "xdstp://authority/envoy.config.cluster.v3.Cluster/dir"
LISTENERS = "xdstp://authority/envoy.config.listener.v3.Listener/dir"
# Node parameters are part of every name.
CONTEXT = "?xds.node.id=test-node"


def send(setting, url, *named, version="1"):
    """Sends resources under names of a collection."""
    made = [
        setting.server._with_ttl(f"{name}{CONTEXT}", version, resource) for name, resource in named
    ]
    setting.server.send(url, made, version=version)


def asked(setting, url):
    """What is asked for first."""
    request = setting.server.wait(lambda seen: seen.type_url == url).request
    return list(request.resource_names_subscribe if setting.delta else request.resource_names)


def start(setting):
    dynamic = setting.bootstrap["dynamic_resources"]
    dynamic["cds_resources_locator"] = f"{CLUSTERS}/*"
    dynamic["lds_resources_locator"] = f"{LISTENERS}/*"
    setting.bootstrap["node_context_params"] = ["id"]
    setting.put(EDS, assignment("a", setting.one))
    setting.put(RDS, routes("r", "a"))
    setting.proxy = setting._start()
    assert asked(setting, CDS) == [f"{CLUSTERS}/*{CONTEXT}"]
    send(setting, CDS, (f"{CLUSTERS}/x", cluster("a")), (f"{CLUSTERS}/y", static_cluster("b")))
    assert asked(setting, LDS) == [f"{LISTENERS}/*{CONTEXT}"]
    send(setting, LDS, (f"{LISTENERS}/x", listener("l", setting.port)))
    setting.proxy.wait_ready()


def clusters(setting):
    return {
        each["cluster"]["name"]: each["version_info"]
        for each in setting.dump("dynamic_active_clusters")
    }


def test_clusters_and_listeners_of_collections(setting):
    start(setting)
    assert setting.ask() == "one"
    assert clusters(setting) == {"a": "1", "b": "1"}
    (shown,) = setting.dump("dynamic_listeners")
    assert shown["name"] == "l"
    assert shown["active_state"]["version_info"] == "1"


def test_a_collection_changes(setting):
    start(setting)
    same = [] if setting.delta else [(f"{CLUSTERS}/x", cluster("a"))]
    send(setting, CDS, *same, (f"{CLUSTERS}/z", static_cluster("c")), version="2")
    setting.until("2", lambda: clusters(setting).get("c"))
    if setting.delta:
        assert clusters(setting) == {"a": "1", "b": "1", "c": "2"}
        assert setting.ask() == "one"


def in_file(path, version, *listeners):
    """Puts a collection of listeners into a file, as a whole."""
    entries = [
        {"inline_entry": {"name": "e", "version": f"{version}{each['name']}", "resource": each}}
        for each in listeners
    ]
    kind = f"{PREFIX}envoy.config.listener.v3.ListenerCollection"
    resource = {"version": version, "resource": {"@type": kind, "entries": entries}}
    new = path.with_name("new")
    new.write_text(json.dumps(resource))
    os.replace(new, path)


def answering(name, port, text):
    """A listener that says something to everybody."""
    kind = "envoy.extensions.filters.network.direct_response.v3.Config"
    config = {"@type": f"{PREFIX}{kind}", "response": {"inline_string": text}}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    chains = [{"filters": [{"name": "d", "typed_config": config}]}]
    return {"@type": LDS, "name": name, "address": address, "filter_chains": chains}


def test_listeners_of_a_collection_in_a_file(command, tmp_path):
    path = tmp_path / "listeners.json"
    with contextlib.ExitStack() as stack:
        setting = Setting(command, False, stack)
        in_file(path, "3", answering("a", setting.port, "first"))
        setting.bootstrap["dynamic_resources"] = {"lds_resources_locator": f"file://{path}"}
        setting.proxy = setting._start()
        setting.proxy.wait_ready()
        (shown,) = setting.dump("dynamic_listeners")
        assert (shown["name"], shown["active_state"]["version_info"]) == ("a", "3a")
        assert setting.proxy.stats()["listener_manager.lds.update_success"] == 1
        version = setting.proxy.admin("/stats?filter=lds.version_text").text
        assert version == 'listener_manager.lds.version_text: "3"\n'
        in_file(path, "4", answering("b", setting.port, "second"))

        def names():
            return [each["name"] for each in setting.dump("dynamic_listeners")]

        setting.until(["b"], names)
        path.with_name("new").write_text("{}")
        os.replace(path.with_name("new"), path)

        def failures():
            return setting.proxy.stats()["listener_manager.lds.update_failure"]

        setting.until(1, failures)
        assert names() == ["b"]
