"""Versions: of this package and of the Envoy whose behaviour is its measure."""

from __future__ import annotations

from lateen.proxy.workers import extension_version

# Control planes and dashboards read it, to know which configuration a proxy understands.
ENVOY_VERSION = (1, 40, 0)


def package_version() -> str:
    """The version of the package: its extension has the same, from Cargo.toml.

    The package's own metadata would say it too, but to read it costs 4 MB of memory.
    """
    return extension_version()


def version_text() -> str:
    """In the five parts of Envoy's: revision, version, tree, build, TLS library."""
    envoy = ".".join(str(part) for part in ENVOY_VERSION)
    return f"lateen-{package_version()}/{envoy}/Clean/RELEASE/none"


def version_line() -> str:
    """What `--version` prints."""
    return f"lateen {package_version()}"
