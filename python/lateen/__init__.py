"""Lateen: a service proxy that runs Envoy's v3 configuration, and the mesh around it.

    import lateen

    with lateen.Proxy("envoy.yaml") as proxy:
        print(proxy.ports, proxy.stats("cluster."))

docs/library.md says more. Nothing of a proxy is imported before one of these names is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.embedded import ConfigError, Proxy, ProxyError

__all__ = ["ConfigError", "Proxy", "ProxyError"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'lateen' has no attribute '{name}'")
    from lateen import embedded

    return getattr(embedded, name)
