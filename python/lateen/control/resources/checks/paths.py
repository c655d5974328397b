"""Paths of authorization policies, which may be templates.

Source: Istio pkg/config/security/security.go CheckValidPathTemplate; RFC 3986 appendix A.
"""

from __future__ import annotations

import re

from lateen.control.resources.field import Field

_ONE = "{*}"
_ANY = "{**}"
_LITERAL = re.compile(r"[a-zA-Z0-9\-._~%!$&'()+,;:@=]+")


def check_path_template(at: Field, path: str) -> None:
    """Note braces that are neither `{*}`, for one step, nor a last `{**}`, for any number."""
    template = _ONE in path or _ANY in path
    rest_taken = False
    for step in path.strip("/").split("/"):
        if step in (_ONE, _ANY):
            if rest_taken:
                at.error(f"{path!r}: after {_ANY} no template can follow", "put it last")
                return
            rest_taken = step == _ANY
        elif "{" in step or "}" in step:
            at.error(f"{path!r}: {step!r} is no template", f"{_ONE} or {_ANY}")
            return
        elif template and not _LITERAL.fullmatch(step):
            at.error(f"{path!r}: {step!r} is no step of a path", "letters and digits")
            return
