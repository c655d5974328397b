"""The Envoy configuration of the traffic scenarios, for Envoy and for Lateen."""

from __future__ import annotations

from pathlib import Path

from bench.proxies.base import Setup, write_config

ACCESS_LOG = (
    "[{{ name: envoy.access_loggers.file, typed_config: {{ "
    '"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, '
    'path: "{log}" }} }}]'
)


def traffic(setup: Setup) -> Path:
    """Write configs/envoy.yaml, or envoy-tcp.yaml, for a setup and return its path."""
    if setup.tcp:
        return write_config(setup, "envoy-tcp.yaml")
    log = ACCESS_LOG.format(log=setup.log) if setup.access_log else "[]"
    return write_config(setup, "envoy.yaml", access_log=log)
