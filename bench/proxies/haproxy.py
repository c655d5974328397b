"""haproxy, from the distribution's package."""

from __future__ import annotations

from bench.proxies.base import Proxy, Setup, first_line, package, write_config


class HAProxy(Proxy):
    """haproxy with `nbthread` and shared upstream connections."""

    name = "haproxy"

    def missing(self) -> str | None:
        """See Proxy."""
        return package("haproxy", "haproxy")

    def version(self) -> str:
        """See Proxy."""
        return " ".join(first_line(["haproxy", "-v"]).split()[:3])

    def command(self, setup: Setup) -> list[str]:
        """See Proxy."""
        if setup.tcp:
            return ["haproxy", "-db", "-f", str(write_config(setup, "haproxy-tcp.cfg"))]
        path = write_config(
            setup,
            "haproxy.cfg",
            # stdout is the file that the bench keeps the output in.
            log_target="log stdout format raw local0" if setup.access_log else "",
            to="" if setup.upstream == "http1" else "proto h2",
            tls=f"bind 127.0.0.1:{setup.tls_port} ssl crt {setup.certificate} alpn h2,http/1.1"
            if setup.tls_port
            else "",
            log_options="log global\n  option httplog" if setup.access_log else "",
        )
        return ["haproxy", "-db", "-f", str(path)]
