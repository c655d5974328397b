"""Assertions on what a proxy did."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping

from lateen.embedded import Proxy
from lateen.testing.messages import Answer
from lateen.testing.proxy import TestedProxy
from lateen.testing.upstream import Upstream

_POLL_S = 0.01


@contextlib.contextmanager
def assert_counter(proxy: Proxy, name: str, delta: int, timeout_s: float = 1.0) -> Iterator[None]:
    """Asserts that a counter or gauge grows by `delta` over the block, or soon after it.

    Args:
        proxy: whose it is.
        name: in full; one that is not there yet is 0.
        delta: 0: it stays as it is, which is looked at once, at the end of the block.
        timeout_s: how long it may take after the block.

    Raises:
        AssertionError: it does not, or grows by more.
    """
    before = proxy.stats(name).get(name, 0)
    yield
    deadline = time.monotonic() + timeout_s
    while (grown := proxy.stats(name).get(name, 0) - before) != delta:
        if grown > delta or time.monotonic() >= deadline:
            raise AssertionError(f"{name} grew by {grown}, not {delta} (it was {before})")
        time.sleep(_POLL_S)


def assert_route(
    proxy: TestedProxy,
    path: str,
    to: Upstream,
    *,
    headers: Mapping[str, str] | None = None,
    port: int | None = None,
) -> Answer:
    """Asserts that a GET is answered by an upstream; returns the answer.

    Args:
        proxy: that routes it.
        path: with the query.
        to: the upstream that is to get it.
        headers: of the request.
        port: of the listener; None: there is only one.

    Raises:
        AssertionError: the upstream did not get it.
    """
    before = len(to.requests)
    answer = proxy.get(path, headers, port)
    if len(to.requests) == before:
        seen = f"the answer is {answer.status} {answer.body[:200]!r}"
        raise AssertionError(f"{path} did not reach the upstream at port {to.port}: {seen}")
    return answer
