"""Scoped routes of a connection manager; what is refused was observed on Envoy 1.40."""

import pytest

from lateen.proxy.compile.network_filters.owner import FilterOwner
from lateen.proxy.compile.network_filters.scoped_routes import compile_scoped_routes
from tests.support.messages import context, errors, message, unsupported

_TYPE = "extensions.filters.network.http_connection_manager.v3.ScopedRoutes"
ADS = {"ads": {}, "resource_api_version": "V3"}


def source_of(extract, *scopes, **more):
    fragment = {"header_value_extractor": {"name": "X-A", **extract}}
    given = {"name": "s", "scope_key_builder": {"fragments": [fragment]}, **more}
    if scopes:
        given["scoped_route_configurations_list"] = {"scoped_route_configurations": list(scopes)}
    return message(_TYPE, given)


def scope(name, *key, **more):
    fragments = [{"string_key": part} for part in key]
    more = more or {"route_configuration": {"name": f"routes_{name}"}}
    return {"name": name, "key": {"fragments": fragments}, **more}


def compiled(source, ctx=None):
    owner = FilterOwner("t", "127.0.0.1:80")
    return compile_scoped_routes(ctx or context(), source, "in", owner, "h"), owner


def test_a_key_of_headers():
    made, _ = compiled(source_of({"element_separator": ";", "index": 2}, scope("a", "1")))
    (fragment,) = made.key
    assert (fragment.header, fragment.element_separator, fragment.index) == ("x-a", ";", 2)
    made, _ = compiled(source_of({"element": {"separator": "=", "key": "k"}}, scope("a", "1")))
    assert (made.key[0].element.separator, made.key[0].element.key) == ("=", "k")


def test_tables_inside_go_to_the_owner():
    made, owner = compiled(source_of({"index": 0}, scope("a", "1"), scope("b", "2", "3")))
    assert [list(each.key) for each in made.scopes] == [["1"], ["2", "3"]]
    assert [each.route_table for each in made.scopes] == [each.name for each in owner.route_tables]
    assert [each.config_name for each in owner.route_tables] == ["routes_a", "routes_b"]


def test_of_a_name_twice_the_last_counts():
    made, _ = compiled(source_of({"index": 0}, scope("a", "1"), scope("b", "2"), scope("a", "3")))
    assert [list(each.key) for each in made.scopes] == [["2"], ["3"]]


def test_scopes_that_are_subscribed_to():
    more = {"scoped_rds": {"scoped_rds_config_source": ADS}, "rds_config_source": ADS}
    made, owner = compiled(source_of({"index": 0}, **more))
    (source,) = owner.scope_sources
    assert (source.name, source.stat_prefix, source.table) == ("s", "in", made.route_scopes)
    _, other = compiled(source_of({"index": 0}, **{**more, "rds_config_source": {"ads": {}}}))
    assert other.scope_sources[0].table != source.table


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (source_of({}, scope("a", "1")), "HeaderValueExtractor extract_type not set."),
        (
            source_of({"index": 1}, scope("a", "1")),
            "Index > 0 for empty string element separator.",
        ),
        (
            source_of({"index": 0}, scope("a", "1", route_configuration_name="r")),
            "Fetching routes via RDS (route_configuration_name) is not supported with inline"
            " scoped routes.",
        ),
        (
            source_of({"index": 0}, scope("a", "1", on_demand=True)),
            "You must specify a route_configuration with inline scoped routes.",
        ),
    ],
)
def test_what_is_refused(source, reason):
    ctx = context()
    compiled(source, ctx)
    assert any(reason in each for each in errors(ctx))


def test_a_collection_of_scopes():
    locator = {"scoped_rds_config_source": ADS, "srds_resources_locator": "xdstp://a/b/*"}
    source = source_of({"index": 0}, scoped_rds=locator)
    assert unsupported(source) == []
    owner = compiled(source)[1]
    assert [each.locator for each in owner.scope_sources] == ["xdstp://a/b/*"]
