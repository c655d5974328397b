"""The fixtures that pytest finds: `proxy`, `upstream` and `upstreams`.

Everything but pytest is imported by the fixtures: a test run without them pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lateen.testing.proxy import TestedProxy
    from lateen.testing.upstream import Upstream


@pytest.fixture
def upstreams() -> Iterator[Callable[[], Upstream]]:
    """Starts scripted servers, which end with the test: `one, two = upstreams(), upstreams()`."""
    from lateen.testing.upstream import Upstream

    with ExitStack() as stack:
        yield lambda: stack.enter_context(Upstream())


@pytest.fixture
def upstream(upstreams: Callable[[], Upstream]) -> Upstream:
    """A scripted server: `upstream.port`, `upstream.answers(503)`, `upstream.requests`."""
    return upstreams()


@pytest.fixture
def proxy() -> Iterator[Callable[..., TestedProxy]]:
    """Starts proxies, which end with the test: `proxy(config).get("/")`.

    The arguments, and what it raises, are those of `lateen.Proxy`.
    """
    from lateen.testing.proxy import TestedProxy

    with ExitStack() as stack:
        yield lambda *args, **more: stack.enter_context(TestedProxy(*args, **more))
