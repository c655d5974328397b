"""The fixtures that pytest finds: `proxy`, `upstream` and `upstreams`.

Everything but pytest is imported by the fixtures: a test run without them pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from lateen.library.source import Config
    from lateen.testing.proxy import TestedProxy
    from lateen.testing.upstream import Upstream


class StartProxy(Protocol):
    """Starts proxies that end with the test; the arguments are those of `lateen.Proxy`."""

    def __call__(
        self,
        config: Config,
        *,
        concurrency: int = 1,
        filters: Sequence[Callable[..., object] | str] = (),
        log_level: str = "warning",
        timeout_s: float = 30.0,
    ) -> TestedProxy:
        """Starts it, and waits until it serves; raises what `lateen.Proxy` does."""


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
def proxy() -> Iterator[StartProxy]:
    """Starts proxies, which end with the test: `proxy(config).get("/")`."""
    from lateen.testing.proxy import TestedProxy

    with ExitStack() as stack:

        def start(
            config: Config,
            *,
            concurrency: int = 1,
            filters: Sequence[Callable[..., object] | str] = (),
            log_level: str = "warning",
            timeout_s: float = 30.0,
        ) -> TestedProxy:
            return stack.enter_context(
                TestedProxy(
                    config,
                    concurrency=concurrency,
                    filters=filters,
                    log_level=log_level,
                    timeout_s=timeout_s,
                )
            )

        yield start
