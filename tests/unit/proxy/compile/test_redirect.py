import pytest

from lateen.protos.worker_pb2 import Redirect, RegexRewrite
from lateen.proxy.compile.redirect import compile_redirect
from tests.support.messages import context, message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", Redirect(status=301)),
        ("https_redirect: true", Redirect(status=301, https_redirect=True)),
        (
            "{scheme_redirect: ftp, host_redirect: h, port_redirect: 8}",
            Redirect(status=301, scheme_redirect="ftp", host_redirect="h", port_redirect=8),
        ),
        ("path_redirect: /x?y", Redirect(status=301, path_redirect="/x?y")),
        ("prefix_rewrite: /x", Redirect(status=301, prefix_rewrite="/x")),
        (
            "regex_rewrite: {pattern: {regex: a}, substitution: b}",
            Redirect(status=301, regex_rewrite=RegexRewrite(pattern="a", substitution="b")),
        ),
        ("{response_code: FOUND, strip_query: true}", Redirect(status=302, strip_query=True)),
        ("response_code: SEE_OTHER", Redirect(status=303)),
        ("response_code: TEMPORARY_REDIRECT", Redirect(status=307)),
        ("response_code: PERMANENT_REDIRECT", Redirect(status=308)),
    ],
)
def test_redirects(text, expected):
    source = message("config.route.v3.RedirectAction", text)
    assert compile_redirect(context(), source, "r") == expected
