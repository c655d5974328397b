"""nginx, from the distribution's package."""

from __future__ import annotations

from pathlib import Path

from bench.proxies.base import Proxy, Setup, first_line, package, write_config

HTTP = """proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";"""
GRPC = "grpc_pass grpc://backend;"
_STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


class Nginx(Proxy):
    """nginx with `worker_processes` and a pool of kept-alive upstream connections."""

    name = "nginx"
    #: Of HTTP/2 it speaks to upstreams only what gRPC needs.
    upstreams = frozenset(("http1", "grpc"))

    def missing(self) -> str | None:
        """See Proxy."""
        return package("nginx", "nginx-light")

    def version(self) -> str:
        """See Proxy."""
        return first_line(["nginx", "-v"]).removeprefix("nginx version: ")

    def passes_tcp(self) -> bool:
        """See Proxy: distributions have it as a package of its own (libnginx-mod-stream)."""
        return _STREAM.is_file()

    def command(self, setup: Setup) -> list[str]:
        """See Proxy."""
        if setup.tcp:
            path = write_config(setup, "nginx-tcp.conf", load_stream=f"load_module {_STREAM};")
            return ["nginx", "-c", str(path), "-p", str(setup.directory)]
        log = f"{setup.log} combined buffer=64k flush=10s" if setup.access_log else "off"
        tls = ""
        if setup.tls_port:
            tls = (
                f"listen 127.0.0.1:{setup.tls_port} reuseport ssl http2;\n"
                f"    ssl_certificate {setup.certificate};\n"
                f"    ssl_certificate_key {setup.certificate};\n"
                "    ssl_protocols TLSv1.2 TLSv1.3;"
            )
        to = GRPC if setup.upstream == "grpc" else HTTP
        path = write_config(setup, "nginx.conf", access_log=log, tls=tls, to=to)
        return ["nginx", "-c", str(path), "-p", str(setup.directory)]
