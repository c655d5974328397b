"""nginx, from the distribution's package."""

from __future__ import annotations

from pathlib import Path

from bench.proxies.base import Proxy, Setup, first_line, package, write_config

_STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


class Nginx(Proxy):
    """nginx with `worker_processes` and a pool of kept-alive upstream connections."""

    name = "nginx"

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
        path = write_config(setup, "nginx.conf", access_log=log)
        return ["nginx", "-c", str(path), "-p", str(setup.directory)]
