"""Annotations that refuse a resource of Istio's.

Source: Istio pkg/config/validation/validation.go validateMetadata.
"""

from __future__ import annotations

from lateen.control.resources.authorization_policy import AuthorizationPolicy
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource

_DRY_RUN = "istio.io/dry-run"
BOOLEANS = frozenset(
    (
        *("1", "t", "T", "TRUE", "true", "True"),
        *("0", "f", "F", "FALSE", "false", "False"),
    )
)
"""What Go's strconv.ParseBool reads."""

_INTERNAL = (
    "internal.istio.io/webhook-always-reject",
    "internal.istio.io/parents",
    "internal.istio.io/parent-namespace",
)


def check_annotations(resource: Resource[object], at: Field) -> None:
    """Note annotations that users cannot set, or that the kind does not have.

    Args:
        resource: of one of Istio's kinds.
        at: `metadata.annotations`.
    """
    for name in _INTERNAL:
        if name in resource.annotations:
            (at / name).error(f"{name} cannot be set by users", "remove it")
    if _DRY_RUN not in resource.annotations:
        return
    place = at / _DRY_RUN
    if not isinstance(resource.spec, AuthorizationPolicy):
        place.error(f"only an AuthorizationPolicy has {_DRY_RUN}", "remove it")
    elif resource.spec.action not in ("ALLOW", "DENY"):
        place.error(f"{resource.spec.action} has no dry run", "remove it")
    elif resource.annotations[_DRY_RUN] not in BOOLEANS:
        place.error(f"{resource.annotations[_DRY_RUN]!r} is no boolean", '"true" or "false"')
