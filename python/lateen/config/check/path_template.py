"""URI templates have the form that Envoy reads.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/path/match/uri_template/v3/uri_template_match.proto
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lateen.config.check.context import CheckContext
from lateen.config.paths import Place

if TYPE_CHECKING:
    from envoy.extensions.path.match.uri_template.v3.uri_template_match_pb2 import (
        UriTemplateMatchConfig,
    )

_VARIABLE = re.compile(r"\{[^{}]*\}")


def uri_template(message: UriTemplateMatchConfig, place: Place, cx: CheckContext) -> None:
    """A template starts with a slash, and its braces are in pairs."""
    template = message.path_template
    where: Place = (place, "path_template")
    if not template.startswith("/"):
        cx.error(where, f"the template must start with a slash: {template!r}")
    elif re.search(r"[{}]", _VARIABLE.sub("", template)):
        cx.error(where, f"a brace of the template has no partner: {template!r}")
