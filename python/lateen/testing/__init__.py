"""Tests of configurations: a proxy in the test's process, scripted upstreams, assertions.

pytest finds the fixtures of `plugin.py` by itself; docs/library.md has an example. What is named
here needs no pytest, and is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.testing.assertions import assert_counter, assert_route
    from lateen.testing.messages import Answer, Headers
    from lateen.testing.proxy import TestedProxy
    from lateen.testing.upstream import Received, Upstream

__all__ = [
    "Answer",
    "Headers",
    "Received",
    "TestedProxy",
    "Upstream",
    "assert_counter",
    "assert_route",
]

_MODULES = {
    "Answer": "messages",
    "Headers": "messages",
    "Received": "upstream",
    "TestedProxy": "proxy",
    "Upstream": "upstream",
    "assert_counter": "assertions",
    "assert_route": "assertions",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'lateen.testing' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"lateen.testing.{_MODULES[name]}"), name)
