"""Envoy's v3 configuration: loading, validation, and diagnostics with positions."""
