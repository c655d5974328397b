"""Set fields that are not implemented are reported, wherever they are."""

import pytest

from lateen.config.support import Fields, SupportTable, whole
from lateen.protos import envoy_types

CLUSTER = "envoy.config.cluster.v3.Cluster"
ROUTER = "envoy.extensions.filters.http.router.v3.Router"
HTTP_FILTER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter"


def make(name, /, **fields):
    return envoy_types().message_class(name)(**fields)


def check(message, *entries, path="clusters[0]"):
    found = SupportTable(entries).check(message, path)
    return [(d.severity, d.path, d.message, d.hint) for d in found]


def test_unset_fields_are_not_reported():
    assert check(make(CLUSTER, name="a"), Fields(CLUSTER, implemented="name")) == []


def test_an_undeclared_field_is_an_error():
    assert check(make(CLUSTER, alt_stat_name="x"), Fields(CLUSTER, implemented="name")) == [
        ("error", "clusters[0].alt_stat_name", "alt_stat_name is not implemented", "remove it")
    ]


def test_a_harmless_field_is_a_warning_with_its_reason():
    entry = Fields(CLUSTER, harmless={"alt_stat_name": "stats use the name"})
    [(severity, _, message, _)] = check(make(CLUSTER, alt_stat_name="x"), entry)
    assert severity == "warning"
    assert "stats use the name" in message


def test_a_rejected_field_has_its_own_hint():
    entry = Fields(CLUSTER, rejected={"alt_stat_name": "use name"})
    assert check(make(CLUSTER, alt_stat_name="x"), entry)[0][3] == "use name"


def test_a_nested_type_needs_an_entry_of_its_own():
    message = make(CLUSTER, upstream_bind_config={"freebind": {"value": True}})
    outer = Fields(CLUSTER, implemented="upstream_bind_config")
    assert check(message, outer)[0][1] == "clusters[0].upstream_bind_config"
    inner = Fields("envoy.config.core.v3.BindConfig", implemented="source_address")
    assert check(message, outer, inner)[0][1] == "clusters[0].upstream_bind_config.freebind"
    assert check(message, outer, whole("envoy.config.core.v3.BindConfig")) == []


def test_within_replaces_the_entry_of_the_type():
    message = make(CLUSTER, upstream_bind_config={"freebind": {"value": True}})
    bind = "envoy.config.core.v3.BindConfig"
    outer = Fields(
        CLUSTER, implemented="upstream_bind_config", within={"upstream_bind_config": Fields(bind)}
    )
    assert check(message, outer, whole(bind))[0][1] == "clusters[0].upstream_bind_config.freebind"


def test_maps_and_lists_give_paths_with_keys():
    message = make(CLUSTER)
    message.transport_socket_matches.add().transport_socket.name = "x"
    message.metadata.filter_metadata["a"]["b"] = "c"
    outer = Fields(CLUSTER, implemented="transport_socket_matches metadata")
    match = Fields(CLUSTER + ".TransportSocketMatch", implemented="name")
    metadata = Fields("envoy.config.core.v3.Metadata", implemented="filter_metadata")
    found = check(message, outer, match, metadata)
    assert [f[1] for f in found] == ["clusters[0].transport_socket_matches[0].transport_socket"]


def test_an_any_is_unpacked():
    message = make(HTTP_FILTER, name="r")
    message.typed_config.Pack(make(ROUTER, start_child_span=True))
    outer = Fields(HTTP_FILTER, implemented="name typed_config")
    router = Fields(ROUTER, category="envoy.filters.http")
    assert check(message, outer, router)[0][1] == "clusters[0].typed_config.start_child_span"


def test_an_undeclared_extension_names_the_declared_ones():
    message = make(HTTP_FILTER, name="r")
    message.typed_config.Pack(make("envoy.extensions.filters.http.cors.v3.Cors"))
    outer = Fields(HTTP_FILTER, implemented="name typed_config")
    [(severity, path, text, hint)] = check(message, outer, whole(ROUTER, "envoy.filters.http"))
    assert (severity, path) == ("error", "clusters[0].typed_config")
    assert "cors.v3.Cors is not implemented" in text
    assert ROUTER in hint


def test_a_type_is_declared_once():
    with pytest.raises(ValueError, match="twice"):
        SupportTable([whole(CLUSTER), whole(CLUSTER)])


def test_mistakes_in_a_table_are_found():
    table = SupportTable([Fields(CLUSTER, implemented="nam"), whole("envoy.Nothing")])
    assert table.problems() == [
        f"{CLUSTER} has no field 'nam' did you mean 'name'?",
        "unknown message type 'envoy.Nothing'",
    ]
