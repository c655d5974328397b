"""nginx, from the distribution's package."""

from __future__ import annotations

from bench.proxies.base import Proxy, Setup, first_line, package, write_config


class Nginx(Proxy):
    """nginx with `worker_processes` and a pool of kept-alive upstream connections."""

    name = "nginx"

    def missing(self) -> str | None:
        """See Proxy."""
        return package("nginx", "nginx-light")

    def version(self) -> str:
        """See Proxy."""
        return first_line(["nginx", "-v"]).removeprefix("nginx version: ")

    def command(self, setup: Setup) -> list[str]:
        """See Proxy."""
        log = f"{setup.log} combined buffer=64k flush=10s" if setup.access_log else "off"
        tls = ""
        if setup.tls_port:
            tls = (
                f"listen 127.0.0.1:{setup.tls_port} reuseport ssl;\n"
                f"    ssl_certificate {setup.certificate};\n"
                f"    ssl_certificate_key {setup.certificate};\n"
                "    ssl_protocols TLSv1.2 TLSv1.3;"
            )
        path = write_config(setup, "nginx.conf", access_log=log, tls=tls)
        return ["nginx", "-c", str(path), "-p", str(setup.directory)]
