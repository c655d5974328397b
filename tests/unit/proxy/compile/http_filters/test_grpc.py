import pytest

from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.grpc_http1_bridge import compile_grpc_http1_bridge
from lateen.proxy.compile.http_filters.grpc_http1_reverse_bridge import (
    compile_reverse_bridge,
    compile_reverse_bridge_override,
)
from lateen.proxy.compile.http_filters.grpc_stats import compile_grpc_stats
from lateen.proxy.compile.http_filters.grpc_web import compile_grpc_web
from tests.support.messages import OWNER, context, message

_FILTERS = "extensions.filters.http"
_REVERSE = f"{_FILTERS}.grpc_http1_reverse_bridge.v3"


@pytest.mark.parametrize(
    ("fields", "for_all"),
    [("", False), ("stats_for_all_methods: false", False), ("stats_for_all_methods: true", True)],
)
def test_methods_have_stats_of_their_own_only_when_asked_for(fields: str, for_all: bool) -> None:
    source = message(f"{_FILTERS}.grpc_stats.v3.FilterConfig", fields or "{}")
    compiled = compile_grpc_stats(context(), source, OWNER, "f").grpc_stats
    assert compiled.stats_for_all_methods is for_all
    assert not compiled.listed


def test_listed_methods():
    fields = """
individual_method_stats_allowlist:
  services: [{name: a.B, method_names: [C, D]}, {name: e.F, method_names: [G]}]
emit_filter_state: true
enable_upstream_stats: true
replace_dots_in_grpc_service_name: true
"""
    source = message(f"{_FILTERS}.grpc_stats.v3.FilterConfig", fields)
    compiled = compile_grpc_stats(context(), source, OWNER, "f").grpc_stats
    listed = [(service.name, list(service.methods)) for service in compiled.listed]
    assert listed == [("a.B", ["C", "D"]), ("e.F", ["G"])]
    assert compiled.emit_filter_state
    assert compiled.enable_upstream_stats
    assert compiled.replace_dots_in_grpc_service_name


def test_web_has_no_options():
    source = message(f"{_FILTERS}.grpc_web.v3.GrpcWeb", "{}")
    assert compile_grpc_web(context(), source, OWNER, "f").WhichOneof("kind") == "grpc_web"


def test_the_bridge_keeps_its_options():
    fields = "upgrade_protobuf_to_grpc: true\nignore_query_parameters: true"
    source = message(f"{_FILTERS}.grpc_http1_bridge.v3.Config", fields)
    compiled = compile_grpc_http1_bridge(context(), source, OWNER, "f").grpc_http1_bridge
    assert compiled.upgrade_protobuf_to_grpc
    assert compiled.ignore_query_parameters


def test_the_reverse_bridge_knows_headers_in_lower_case():
    fields = "content_type: a/b\nwithhold_grpc_frames: true\nresponse_size_header: X-Size"
    source = message(f"{_REVERSE}.FilterConfig", fields)
    compiled = compile_reverse_bridge(context(), source, OWNER, "f").grpc_http1_reverse_bridge
    assert (compiled.content_type, compiled.response_size_header) == ("a/b", "x-size")
    assert compiled.withhold_grpc_frames


def test_a_route_switches_the_reverse_bridge_off():
    out = FilterOverride(filter="f")
    source = message(f"{_REVERSE}.FilterConfigPerRoute", "disabled: true")
    compile_reverse_bridge_override(context(), source, out, "o")
    assert out.disabled
