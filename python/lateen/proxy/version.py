"""Versions: of this package, of its extension, and of the Envoy whose behaviour is its measure."""

from __future__ import annotations

import importlib.metadata

from lateen.proxy.workers import extension_version

# Control planes and dashboards read it, to know which configuration a proxy understands.
ENVOY_VERSION = (1, 40, 0)


def package_version() -> str:
    """The version of the installed package, `unknown` without one."""
    try:
        return importlib.metadata.version("lateen")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def version_text() -> str:
    """In the five parts of Envoy's: revision, version, tree, build, TLS library."""
    envoy = ".".join(str(part) for part in ENVOY_VERSION)
    return f"lateen-{package_version()}/{envoy}/Clean/RELEASE/none"


def version_line() -> str:
    """The version of the package and of its Rust extension."""
    return f"lateen {package_version()} (extension {extension_version()})"
