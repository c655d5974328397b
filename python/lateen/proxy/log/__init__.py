"""The proxy's own log: components, levels, formats (docs: operations/cli, --log-format)."""
