"""Whether Istio's control plane may fetch keys from anywhere.

Source: Istio pkg/config/analysis/analyzers/authn/blockedcidrs.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.analyze.kinds import Deployment
from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import KEYS_UNRESTRICTED
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.resources.request_authentication import RequestAuthentication

_VARIABLE = "BLOCKED_CIDRS_IN_JWKS_URIS"
_SHOWN = 5


def blocked_cidrs(resources: Snapshot) -> Iterator[Message]:
    """Looks at istiod's environment when RequestAuthentications name addresses of keys."""
    names = [f"{one.namespace}/{one.name}" for one in resources.of(RequestAuthentication)]
    if not names:
        return
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    text = (
        f"{_VARIABLE} is not set, and {len(names)} RequestAuthentications name addresses of keys "
        f"({', '.join(names[:_SHOWN])}{more}): set it to the ranges that must not be asked"
    )
    for deployment in resources.of(Deployment):
        containers = deployment.spec.template.spec.containers
        variables = (one for container in containers for one in container.env)
        is_set = any(one.name == _VARIABLE and one.value for one in variables)
        if deployment.labels.get("app") == "istiod" and not is_set:
            yield about(KEYS_UNRESTRICTED, deployment, text)
