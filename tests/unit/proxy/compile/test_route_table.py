import pytest

from lateen.proxy.compile.route_table import compile_route_table
from tests.support.messages import context, errors, message

_HEADER_MUTATION = "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3"


def compiled(text, ctx=None, **options):
    source = message("config.route.v3.RouteConfiguration", text)
    options.setdefault("validate_clusters", True)
    return compile_route_table(ctx or context(), source, "unique", "t", **options)


def host(**given):
    return {"name": "v", "domains": ["*"], **given}


def to(cluster):
    return {"match": {"prefix": "/"}, "route": {"cluster": cluster}}


def test_a_table_has_its_own_name_beside_that_of_the_configuration():
    table = compiled({"name": "local", "virtual_hosts": [host()]})
    assert (table.name, table.config_name) == ("unique", "local")


def test_everything_of_a_table():
    table = compiled(
        """
        internal_only_headers: [X-In]
        request_headers_to_add: [{header: {key: a, value: b}}]
        most_specific_header_mutations_wins: true
        ignore_port_in_host_matching: true
        ignore_path_parameters_in_path_matching: true
        vhost_header: X-Host
        metadata: {filter_metadata: {f: {b: 1, a: [true, null, x]}}}
        """
    )
    assert list(table.internal_only_headers) == ["x-in"]
    assert table.mutations.request_add[0].name == "a"
    assert table.most_specific_header_mutations_wins
    assert table.ignore_port_in_host_matching
    assert table.ignore_path_parameters_in_path_matching
    assert table.vhost_header == "x-host"
    assert table.metadata_json == '{"f":{"a":[true,null,"x"],"b":1}}'


def test_domains_are_unique_whatever_their_case():
    ctx = context()
    hosts = [host(domains=["a", "*.b"]), host(domains=["A", "*"]), host(domains=["*", "*.b"])]
    compiled({"name": "r", "virtual_hosts": hosts}, ctx)
    assert errors(ctx) == [
        "t.virtual_hosts[1].domains[0]: Only unique values for domains are permitted. Duplicate"
        " entry of domain a in route r",
        "t.virtual_hosts[2].domains[0]: Only a single wildcard domain is permitted in route r",
        "t.virtual_hosts[2].domains[1]: Only unique values for domains are permitted. Duplicate"
        " entry of domain *.b in route r",
    ]


@pytest.mark.parametrize(
    ("said", "default", "checked"),
    [(None, True, True), (None, False, False), (False, True, False), (True, False, True)],
)
def test_when_clusters_are_checked(said, default, checked):
    ctx = context(clusters={"known"})
    source = {"virtual_hosts": [host(routes=[to("known"), to("other")])]}
    if said is not None:
        source["validate_clusters"] = said
    compiled(source, ctx, validate_clusters=default)
    assert len(errors(ctx)) == checked


def test_a_virtual_host():
    table = compiled(
        """
        virtual_hosts:
        - name: v
          domains: [A.Test]
          require_tls: EXTERNAL_ONLY
          include_request_attempt_count: true
          include_attempt_count_in_response: true
          include_is_timeout_retry_header: true
          retry_policy: {retry_on: 5xx, num_retries: 2}
          request_body_buffer_limit: 7
          per_request_buffer_limit_bytes: 5
          metadata: {filter_metadata: {f: {}}}
        """
    )
    (found,) = table.virtual_hosts
    assert list(found.domains) == ["a.test"]
    assert found.require_tls == found.EXTERNAL_ONLY
    assert found.include_request_attempt_count
    assert found.include_attempt_count_in_response
    assert found.include_is_timeout_retry_header
    assert found.retry_policy.num_retries == 2
    assert found.request_body_buffer_limit == 7
    assert found.metadata_json == '{"f":{}}'
    assert found.stats_block == 0


def test_virtual_clusters_and_route_stats_have_blocks():
    ctx = context()
    table = compiled(
        """
        virtual_hosts:
        - name: v
          domains: ['*']
          virtual_clusters: [{name: users, headers: [{name: ':path', prefix_match: /users}]}]
          routes: [{match: {prefix: /}, route: {cluster: c}, stat_prefix: all}]
        """,
        ctx,
    )
    (found,) = table.virtual_hosts
    numbers = [
        found.virtual_clusters[0].stats_block,
        found.stats_block,
        found.routes[0].stats_block,
    ]
    assert [ctx.blocks[number].prefix for number in numbers] == [
        "vhost.v.vcluster.users",
        "vhost.v.vcluster.other",
        "vhost.v.route.all",
    ]
    compiled({"virtual_hosts": [host(virtual_clusters=[{"name": "x"}])]}, ctx)
    assert errors(ctx) == [
        "t.virtual_hosts[0].virtual_clusters[0].headers: virtual clusters must define 'headers'"
    ]


def test_a_route_keeps_its_order_and_name():
    routes = [
        {"name": "first", "match": {"path": "/a"}, "non_forwarding_action": {}},
        {"name": "second", "match": {"prefix": "/"}, "redirect": {"host_redirect": "h"}},
    ]
    (found,) = compiled({"virtual_hosts": [host(routes=routes)]}).virtual_hosts
    assert [(r.name, r.WhichOneof("action")) for r in found.routes] == [
        ("first", "non_forwarding"),
        ("second", "redirect"),
    ]


def test_filter_overrides_by_name_in_order():
    ctx = context()
    configs = {
        "z": {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True},
        "a": {
            "@type": f"{_HEADER_MUTATION}.HeaderMutationPerRoute",
            "mutations": {"request_mutations": [{"remove": "X"}]},
        },
    }
    (found,) = compiled(
        {"virtual_hosts": [host(typed_per_filter_config=configs)]}, ctx
    ).virtual_hosts
    first, second = found.overrides
    assert (first.filter, first.header_mutation.request[0].remove) == ("a", "x")
    assert (second.filter, second.disabled, second.WhichOneof("kind")) == ("z", True, None)
    assert errors(ctx) == []


def test_what_an_override_may_not_be():
    ctx = context()
    router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
    filter_config = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig"}
    configs = {"empty": filter_config, "router": router}
    compiled({"typed_per_filter_config": configs}, ctx)
    assert errors(ctx) == [
        't.typed_per_filter_config["empty"]: Empty route/virtual host per filter configuration for'
        " empty filter",
        't.typed_per_filter_config["router"]: The filter router doesn\'t support virtual host or'
        " route specific configurations",
    ]


def test_an_optional_override_of_a_filter_that_is_not_implemented_is_excused():
    ctx = context()
    lua = {"@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute"}
    config = {
        "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
        "is_optional": True,
        "config": lua,
    }
    table = compiled({"typed_per_filter_config": {"lua": config}}, ctx)
    assert list(table.overrides) == []
    assert list(ctx.excused) == ['t.typed_per_filter_config["lua"].config']


def test_virtual_hosts_come_by_themselves_to_routes_over_rds_alone():
    ctx = context()
    compiled({"vhds": {"config_source": {"ads": {}}}}, ctx)
    assert [each.path for each in ctx.diagnostics if each.severity == "warning"] == ["t.vhds"]
