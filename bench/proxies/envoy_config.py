"""The Envoy configuration of the traffic scenarios, for Envoy and for Lateen."""

from __future__ import annotations

from pathlib import Path

from bench.proxies.base import Setup, write_config

ACCESS_LOG = (
    "[{{ name: envoy.access_loggers.file, typed_config: {{ "
    '"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, '
    'path: "{log}" }} }}]'
)
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
HTTP2 = (
    f'{{ {OPTIONS}: {{ "@type": type.googleapis.com/{OPTIONS}, '
    "explicit_http_config: { http2_protocol_options: {} } } }"
)
CONTEXT = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
TLS = """
    - name: secured
      address:
        socket_address: {{ address: 127.0.0.1, port_value: {port} }}
      filter_chains:
        - filters: *filters
          transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              "@type": {context}
              common_tls_context:
                alpn_protocols: [h2, http/1.1]
                tls_certificates:
                  - certificate_chain: {{ filename: {certificate} }}
                    private_key: {{ filename: {certificate} }}
"""


def traffic(setup: Setup) -> Path:
    """Write configs/envoy.yaml, or envoy-tcp.yaml, for a setup and return its path."""
    if setup.tcp:
        return write_config(setup, "envoy-tcp.yaml")
    log = ACCESS_LOG.format(log=setup.log) if setup.access_log else "[]"
    if setup.added.access_log:
        log = f"[{setup.added.access_log}]"
    tls = ""
    if setup.tls_port:
        values = {"port": setup.tls_port, "certificate": setup.certificate, "context": CONTEXT}
        tls = TLS.format(**values)
    to = "{}" if setup.upstream == "http1" else HTTP2
    added = {
        "filters": setup.added.filters,
        "route": setup.added.route,
        "more": setup.added.cluster,
        "manager": setup.added.manager,
        "http2_options": HTTP2,
    }
    return write_config(setup, "envoy.yaml", access_log=log, tls=tls, to=to, **added)
