from lateen.proxy.compile.http_filters.router import compile_router
from tests.support.messages import OWNER, context, message

_TYPE = "extensions.filters.http.router.v3.Router"


def test_defaults():
    router = compile_router(context(), message(_TYPE, "{}"), OWNER, "r").router
    assert router.dynamic_stats
    assert not router.suppress_envoy_headers


def test_everything_that_can_be_said():
    log = {
        "name": "l",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": "/x",
        },
    }
    source = {
        "dynamic_stats": False,
        "suppress_envoy_headers": True,
        "respect_expected_rq_timeout": True,
        "suppress_grpc_request_failure_code_stats": True,
        "strict_check_headers": ["X-Envoy-Max-Retries"],
        "upstream_log": [log],
    }
    router = compile_router(context(), message(_TYPE, source), OWNER, "r").router
    assert not router.dynamic_stats
    assert router.suppress_envoy_headers
    assert router.respect_expected_rq_timeout
    assert router.suppress_grpc_request_failure_code_stats
    assert list(router.strict_check_headers) == ["x-envoy-max-retries"]
    assert router.upstream_logs[0].path == "/x"
