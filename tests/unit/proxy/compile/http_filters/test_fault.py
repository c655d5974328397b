import json

from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.fault import compile_fault, compile_fault_override
from tests.support.messages import OWNER, context, errors, message

_TYPE = "extensions.filters.http.fault.v3.HTTPFault"


def compiled(text, ctx=None):
    return compile_fault(ctx or context(), message(_TYPE, text), OWNER, "f").fault


def test_fixed_faults():
    settings = compiled("""
        delay: {fixed_delay: 1.5s, percentage: {numerator: 5, denominator: TEN_THOUSAND}}
        abort: {http_status: 503, percentage: {numerator: 7}}
        response_rate_limit: {fixed_limit: {limit_kbps: 10}, percentage: {numerator: 1}}
        max_active_faults: 3
    """).settings
    share = settings.delay.share
    assert (settings.delay.fixed_ms, share.numerator, share.denominator) == (1500, 5, 10_000)
    assert share.runtime_key == "fault.http.delay.fixed_delay_percent"
    assert share.header == ""
    assert (settings.abort.http_status, settings.abort.body) == (503, "fault filter abort")
    assert settings.rate_limit.kbps == 10
    assert settings.max_active == 3


def test_faults_by_header():
    settings = compiled("""
        delay: {header_delay: {}, percentage: {numerator: 100}}
        abort: {header_abort: {}, percentage: {numerator: 100}}
        response_rate_limit: {header_limit: {}, percentage: {numerator: 100}}
    """).settings
    assert settings.delay.WhichOneof("kind") == "by_header"
    assert settings.abort.WhichOneof("kind") == "by_header"
    assert settings.rate_limit.WhichOneof("kind") == "by_header"
    assert settings.abort.share.header == "x-envoy-fault-abort-request-percentage"
    assert not settings.HasField("max_active")


def test_a_grpc_status_and_a_body():
    text = "abort: {grpc_status: 14, response_body: gone, percentage: {numerator: 100}}"
    abort = compiled(text).settings.abort
    assert (abort.grpc_status, abort.body) == (14, "gone")


def test_whom_faults_concern_and_what_they_leave():
    ctx = context()
    fault = compiled(
        """
        upstream_cluster: be
        downstream_nodes: [n]
        headers: [{name: a, present_match: true}]
        disable_downstream_cluster_stats: true
        filter_metadata: {a: {b: [1]}}
        abort_percent_runtime: own
        """,
        ctx,
    )
    settings = fault.settings
    assert (settings.upstream_cluster, list(settings.downstream_nodes)) == ("be", ["n"])
    assert settings.headers[0].name == "a"
    assert settings.disable_downstream_cluster_stats
    assert json.loads(settings.metadata_json) == {"a": {"b": [1]}}
    assert ctx.blocks[fault.stats_block].prefix == "http.web.fault"
    assert errors(ctx) == []


def test_own_runtime_keys():
    settings = compiled("""
        abort: {http_status: 500, percentage: {numerator: 100}}
        abort_percent_runtime: percent
        abort_http_status_runtime: status
        max_active_faults_runtime: most
    """).settings
    abort = settings.abort
    assert (abort.share.runtime_key, abort.http_runtime_key) == ("percent", "status")
    assert abort.grpc_runtime_key == "fault.http.abort.grpc_status"
    assert settings.max_active_runtime_key == "most"


def test_an_override():
    out = FilterOverride(filter="f")
    source = message(_TYPE, "abort: {http_status: 418, percentage: {numerator: 100}}")
    compile_fault_override(context(), source, out, "o")
    assert out.fault.abort.http_status == 418
