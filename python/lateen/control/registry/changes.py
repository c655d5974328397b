"""What is not the same in two states of a registry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from lateen.control.resources.meta import Key, Resource

Resources = Mapping[Key, Resource[object]]

#: What only says where traffic to services goes.
ENDPOINT_KINDS = frozenset(("EndpointSlice", "Endpoints", "Pod", "WorkloadEntry"))


def changed_keys(before: Resources, after: Resources) -> set[Key]:
    """The resources that are new, gone, or say something else."""
    return {
        key
        for key in before.keys() | after.keys()
        if before.get(key) is not after.get(key) and _version(before, key) != _version(after, key)
    }


def _version(resources: Resources, key: Key) -> str | None:
    return resources[key].version if key in resources else None


def with_changes(before: Resources, after: Resources, keys: Iterable[Key]) -> Resources:
    """The resources of before, these as they are after."""
    found = dict(before)
    for key in keys:
        if key in after:
            found[key] = after[key]
        else:
            found.pop(key, None)
    return found


def digest(resources: Resources) -> str:
    """What is the same for the same resources, in whichever order, and for no others."""
    total = 0
    for key, resource in resources.items():
        said = "\0".join((*key, resource.version)).encode()
        total += int.from_bytes(hashlib.blake2b(said, digest_size=16).digest(), "big")
    return f"{total % (1 << 64):016x}"
