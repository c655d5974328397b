"""Envoy's v3 configuration: loading, validation, and diagnostics with positions."""

from lateen.config.diagnostics import Diagnostic, Severity
from lateen.config.load import LoadOptions, LoadResult, load_bootstrap
from lateen.config.typed import TypedConfigError, unpack_typed

__all__ = [
    "Diagnostic",
    "LoadOptions",
    "LoadResult",
    "Severity",
    "TypedConfigError",
    "load_bootstrap",
    "unpack_typed",
]
