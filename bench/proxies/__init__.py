"""The proxies that are measured, one file each; the table below is their registration."""

from __future__ import annotations

from bench.proxies.base import Proxy
from bench.proxies.envoy import Envoy
from bench.proxies.haproxy import HAProxy
from bench.proxies.lateen import Lateen
from bench.proxies.nginx import Nginx
from bench.proxies.relay import Relay

PROXIES: tuple[type[Proxy], ...] = (Relay, Lateen, Nginx, HAProxy, Envoy)
