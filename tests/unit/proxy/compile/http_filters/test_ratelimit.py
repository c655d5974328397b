import pytest

from lateen.protos.worker_pb2 import FilterOverride, RateLimitFilter
from lateen.proxy.compile.http_filters.ratelimit import (
    compile_ratelimit,
    compile_ratelimit_override,
)
from tests.support.messages import OWNER, context, errors, message, unsupported

_PACKAGE = "extensions.filters.http.ratelimit.v3"
SERVICE = "grpc_service: {envoy_grpc: {cluster_name: c}, timeout: 3s}"
GIVEN = f"domain: d, rate_limit_service: {{{SERVICE}, transport_api_version: V3}}"
LIMIT = "{actions: [{generic_key: {descriptor_value: v}}]%s}"


def compiled(text="", ctx=None):
    more = f", {text}" if text else ""
    source = message(f"{_PACKAGE}.RateLimit", f"{{{GIVEN}{more}}}")
    assert unsupported(source) == []
    return compile_ratelimit(ctx or context(), source, OWNER, "f").ratelimit


def test_defaults():
    ctx = context()
    limit = compiled(ctx=ctx)
    client = limit.service.client
    # What the service says of its timeout does not count.
    assert (client.cluster, client.timeout_ms) == ("c", 20)
    assert (limit.domain, limit.status, limit.status_on_error) == ("d", 429, 500)
    assert limit.x_envoy_ratelimited_header
    assert limit.metadata_namespace == "envoy.filters.http.ratelimit"
    assert limit.cluster_stats == "ratelimit"
    for field in ("enabled", "enforced", "failure_mode_deny_share"):
        assert not limit.HasField(field)
    assert errors(ctx) == []


def test_what_is_given():
    limit = compiled(
        "timeout: 1s, stage: 3, stat_prefix: p, rate_limited_status: {code: 503},"
        " disable_x_envoy_ratelimited_header: true, metadata_namespace: ns,"
        " failure_mode_deny_percent: {default_value: {numerator: 30}}"
    )
    assert limit.service.client.timeout_ms == 1000
    assert (limit.stage, limit.status, limit.cluster_stats) == (3, 503, "ratelimit.p")
    assert not limit.x_envoy_ratelimited_header
    assert limit.metadata_namespace == "ns"
    assert limit.failure_mode_deny_share.numerator == 30


@pytest.mark.parametrize("code", [200, 302])
def test_a_status_that_refuses_nothing(code):
    assert compiled(f"rate_limited_status: {{code: {code}}}").status == 429


@pytest.mark.parametrize(
    ("text", "kind"),
    [("", "BOTH"), ("both", "BOTH"), ("internal", "INTERNAL"), ("external", "EXTERNAL")],
)
def test_which_requests(text, kind):
    found = compiled(f"request_type: '{text}'").request_type
    assert RateLimitFilter.RequestType.Name(found) == kind


def test_limits_of_the_filter_have_no_stage():
    ctx = context()
    limit = compiled(f"rate_limits: [{LIMIT % ''}, {LIMIT % ', stage: 1'}]", ctx)
    assert limit.rate_limits[0].actions[0].generic.value == "v"
    (error,) = errors(ctx)
    assert error.startswith("f.rate_limits[1]: 'stage' field and 'disable_key' field are not")


def test_a_limit_of_dynamic_metadata():
    override = ", limit: {dynamic_metadata: {metadata_key: {key: ns, path: [{key: a}]}}}"
    limit = compiled(f"rate_limits: [{LIMIT % override}]")
    assert limit.rate_limits[0].limit == ["ns", "a"]


def test_what_a_route_says():
    ctx = context()
    out = FilterOverride()
    text = f"vh_rate_limits: IGNORE, domain: x, rate_limits: [{LIMIT % ', disable_key: k'}]"
    source = message(f"{_PACKAGE}.RateLimitPerRoute", f"{{{text}}}")
    compile_ratelimit_override(ctx, source, out, "r")
    assert out.ratelimit.virtual_host_limits == RateLimitFilter.IGNORE
    assert out.ratelimit.domain == "x"
    (error,) = errors(ctx)
    assert error.startswith("r.rate_limits[0]: 'stage' field")
