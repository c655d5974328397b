"""Where services and rules may be seen: `exportTo`.

Source: istio/api, exportTo of VirtualService, DestinationRule and ServiceEntry.
"""

from __future__ import annotations

from collections.abc import Iterable

EVERYWHERE, HERE, NOWHERE = "*", ".", "~"


def exported(export_to: Iterable[str], owner: str, namespace: str) -> bool:
    """Whether what a namespace owns may be seen in another; `*` goes before `~`."""
    named = set(export_to)
    if EVERYWHERE in named:
        return True
    if NOWHERE in named:
        return False
    return namespace in named or (HERE in named and owner == namespace)
