from lateen.proxy.compile.http_filters.istio_alpn import compile_istio_alpn
from tests.support.messages import OWNER, context, errors, message_of

_TYPE = "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig"


def compiled(text):
    ctx = context()
    found = compile_istio_alpn(ctx, message_of(_TYPE, text), OWNER, "f").istio_alpn
    assert errors(ctx) == []
    return list(found.http1), list(found.http2)


def test_a_list_for_each_protocol():
    assert compiled(
        """
        alpn_override:
        - {upstream_protocol: HTTP10, alpn_override: [old]}
        - {upstream_protocol: HTTP11, alpn_override: [istio-http/1.1, istio]}
        - {upstream_protocol: HTTP2, alpn_override: [istio-h2]}
        - {upstream_protocol: HTTP2, alpn_override: [later]}
        """
    ) == (["istio-http/1.1", "istio"], ["istio-h2"])


def test_nothing_is_overridden():
    assert compiled("{}") == ([], [])
