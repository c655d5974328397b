"""Answers as bytes, which proxies that are sent the same share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from lateen.control.push.watch import Push

#: Bytes that are kept; answers to proxies of several scopes come in turns.
_KEPT = 32 << 20


class Encoder:
    """Encodes answers; of those that came last it keeps the bytes."""

    def __init__(self, encode: Callable[[Push], bytes]) -> None:
        self._encode = encode
        self._known: OrderedDict[Hashable, bytes] = OrderedDict()
        self._size = 0

    def __call__(self, push: Push) -> bytes:
        """The bytes of an answer."""
        versions = tuple(one.version for one in push.resources)
        key = (push.delta, push.type_url, push.nonce, versions, *push.removed)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._encode(push)
            self._size += len(known)
        while self._size > _KEPT:
            self._size -= len(self._known.popitem(last=False)[1])
        return known
