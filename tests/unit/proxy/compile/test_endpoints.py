from lateen.protos.worker_pb2 import Endpoint
from lateen.proxy.compile.endpoints import compile_endpoints
from tests.support.messages import context, errors, message, unsupported, warnings


def compiled(text):
    source = message("config.endpoint.v3.ClusterLoadAssignment", text)
    assert unsupported(source) == []
    return compile_endpoints(context(), source, "c", "e")


def test_localities_priorities_and_weights():
    endpoints = compiled(
        """
        endpoints:
        - locality: {region: r, zone: z, sub_zone: s}
          priority: 1
          load_balancing_weight: 4
          lb_endpoints:
          - endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}, hostname: h}
            load_balancing_weight: 3
            health_status: DRAINING
            metadata: {filter_metadata: {envoy.lb: {canary: true, v: a}}}
        - lb_endpoints:
          - endpoint: {address: {pipe: {path: /x}}}
        """
    )
    assert endpoints.cluster == "c"
    first, second = endpoints.localities
    assert (first.region, first.zone, first.sub_zone) == ("r", "z", "s")
    assert (first.priority, first.weight) == (1, 4)
    (host,) = first.endpoints
    assert (host.address.socket.host, host.hostname, host.weight) == ("10.0.0.1", "h", 3)
    assert host.health == Endpoint.DRAINING
    assert host.canary
    assert host.metadata_json == '{"envoy.lb":{"canary":true,"v":"a"}}'
    assert not second.HasField("weight")
    assert (second.endpoints[0].address.pipe, second.endpoints[0].weight) == ("/x", 1)
    assert not second.endpoints[0].canary


def test_the_policy():
    endpoints = compiled(
        """
        policy:
          overprovisioning_factor: 200
          weighted_priority_health: true
          drop_overloads:
          - {category: c, drop_percentage: {numerator: 5, denominator: MILLION}}
        """
    )
    assert endpoints.overprovisioning_factor == 200
    assert endpoints.weighted_priority_health
    assert endpoints.drop_share == 5 / 1_000_000


def test_further_addresses_of_a_host():
    endpoints = compiled(
        """
        endpoints:
        - lb_endpoints:
          - endpoint:
              address: {socket_address: {address: 10.0.0.1, port_value: 80}}
              additional_addresses:
              - address: {socket_address: {address: '::1', port_value: 80}}
        """
    )
    (host,) = endpoints.localities[0].endpoints
    assert host.additional_addresses[0].socket.host == "::1"


def test_endpoints_by_name_are_not_implemented():
    source = message(
        "config.endpoint.v3.ClusterLoadAssignment",
        "endpoints: [{lb_endpoints: [{endpoint_name: x}]}]",
    )
    assert unsupported(source) == [
        "error x.endpoints[0].lb_endpoints[0].endpoint_name: endpoint_name is not implemented"
    ]


def test_a_name_that_is_missing_is_left_out_where_names_are_resolved():
    assignment = message(
        "config.endpoint.v3.ClusterLoadAssignment",
        "{cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {}}]}]}",
    )
    ctx = context()
    compiled = compile_endpoints(ctx, assignment, "c", "", host_names=True)
    assert [len(each.endpoints) for each in compiled.localities] == [0]
    assert warnings(ctx) == [
        ".endpoints[0].lb_endpoints[0].endpoint: there is no address: nothing is resolved for it"
    ]


def test_an_internal_listener_is_an_endpoint_without_alternatives():
    internal = "{envoy_internal_address: {server_listener_name: l, endpoint_id: one}}"
    endpoints = compiled(f"endpoints: [{{lb_endpoints: [{{endpoint: {{address: {internal}}}}}]}}]")
    (host,) = endpoints.localities[0].endpoints
    assert (host.address.internal.listener, host.address.internal.endpoint_id) == ("l", "one")
    more = "{socket_address: {address: 10.0.0.1, port_value: 80}}"
    both = f"{{address: {internal}, additional_addresses: [{{address: {more}}}]}}"
    assignment = message(
        "config.endpoint.v3.ClusterLoadAssignment",
        f"endpoints: [{{lb_endpoints: [{{endpoint: {both}}}]}}]",
    )
    ctx = context()
    compile_endpoints(ctx, assignment, "c", "e")
    assert errors(ctx) == [
        "e.endpoints[0].lb_endpoints[0].endpoint.additional_addresses: an alternative to an"
        " internal listener is not implemented"
    ]
