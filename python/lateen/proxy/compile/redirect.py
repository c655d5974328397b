"""Answering with a redirect.

Source: RedirectAction in envoy/config/route/v3/route_components.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import Redirect
from lateen.proxy.compile.matchers import compile_regex_rewrite

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import RedirectAction

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.route.v3.RedirectAction",
        implemented="""
            https_redirect scheme_redirect host_redirect port_redirect path_redirect
            prefix_rewrite regex_rewrite response_code strip_query
        """,
    ),
)

_STATUS = (301, 302, 303, 307, 308)


def compile_redirect(ctx: CompileContext, action: RedirectAction, at: str) -> Redirect:
    """One redirect; what it does not name stays as in the request."""
    compiled = Redirect(
        https_redirect=action.https_redirect,
        scheme_redirect=action.scheme_redirect,
        host_redirect=action.host_redirect,
        port_redirect=action.port_redirect,
        status=_STATUS[action.response_code],
        strip_query=action.strip_query,
    )
    kind = action.WhichOneof("path_rewrite_specifier")
    if kind == "path_redirect":
        compiled.path_redirect = action.path_redirect
    elif kind == "prefix_rewrite":
        compiled.prefix_rewrite = action.prefix_rewrite
    elif kind == "regex_rewrite":
        rewrite = compile_regex_rewrite(ctx, action.regex_rewrite, f"{at}.regex_rewrite")
        compiled.regex_rewrite.CopyFrom(rewrite)
    return compiled
