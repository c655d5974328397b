"""What a node says of the extensions, and what the filters of a category are."""

from envoy.config.core.v3.base_pb2 import Node

from lateen.proxy.compile.extensions import describe, known_extensions, supported_fields


def described():
    node = Node()
    describe(known_extensions(), node)
    return {(each.category, each.name, *each.type_urls) for each in node.extensions}


def test_a_node_lists_the_filters_of_every_category():
    listener = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
    network = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
    http = "envoy.extensions.filters.http.router.v3.Router"
    log = "envoy.extensions.access_loggers.file.v3.FileAccessLog"
    assert {
        ("envoy.filters.listener", "envoy.filters.listener.tls_inspector", listener),
        ("envoy.filters.network", "envoy.filters.network.tcp_proxy", network),
        ("envoy.filters.http", "envoy.filters.http.router", http),
        ("envoy.access_loggers", "envoy.access_loggers.file", log),
    } <= described()


def test_filters_that_serve_a_connection_are_the_last_of_their_chain():
    package = "envoy.extensions.filters.network"
    assert known_extensions().terminal_filters == {
        f"{package}.direct_response.v3.Config",
        f"{package}.echo.v3.Echo",
        f"{package}.http_connection_manager.v3.HttpConnectionManager",
        f"{package}.tcp_proxy.v3.TcpProxy",
    }


def test_an_http_filter_has_an_override_or_is_known_to_have_none():
    known = known_extensions()
    package = "envoy.extensions.filters.http"
    assert set(known.overrides) == {
        "envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute",
        f"{package}.buffer.v3.BufferPerRoute",
        f"{package}.composite.v3.CompositePerRoute",
        f"{package}.cors.v3.CorsPolicy",
        f"{package}.csrf.v3.CsrfPolicy",
        f"{package}.dynamic_forward_proxy.v3.PerRouteConfig",
        f"{package}.ext_authz.v3.ExtAuthzPerRoute",
        f"{package}.fault.v3.HTTPFault",
        f"{package}.grpc_http1_reverse_bridge.v3.FilterConfigPerRoute",
        f"{package}.header_mutation.v3.HeaderMutationPerRoute",
        f"{package}.header_to_metadata.v3.Config",
        f"{package}.jwt_authn.v3.PerRouteConfig",
        f"{package}.ratelimit.v3.RateLimitPerRoute",
        f"{package}.local_ratelimit.v3.LocalRateLimit",
        f"{package}.on_demand.v3.PerRouteConfig",
        f"{package}.rbac.v3.RBACPerRoute",
        f"{package}.set_filter_state.v3.Config",
        f"{package}.set_metadata.v3.Config",
    }
    assert f"{package}.router.v3.Router" in known.without_override
    assert f"{package}.header_mutation.v3.HeaderMutation" not in known.without_override


def test_the_type_of_every_extension_is_implemented():
    types = {each[-1] for each in described()}
    assert types <= {fields.message for fields in supported_fields()}
