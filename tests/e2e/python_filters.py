"""What the tests of filters in Python share: configurations with them, and their counters."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import ROUTER, Config, bootstrap
from tests.support.proxies import Proxy
from tests.support.upstream import Script, Upstream

TYPE = "type.googleapis.com/lateen.filters.http.python.v1.Python"
Start = Callable[..., Proxy]
Upstreams = Callable[[Script], Upstream]


def python(file: Path, name: str, **more: object) -> Config:
    return {"name": name, "typed_config": {"@type": TYPE, "file": str(file), "name": name, **more}}


def filtered(port: int, upstream: int, *filters: Config, routes: object = None) -> Config:
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}
    more: Config = {}
    if routes is not None:
        hosts = [{"name": "vh", "domains": ["*"], "routes": routes}]
        more["route_config"] = {"name": "local", "virtual_hosts": hosts}
    log = {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        "log_format": {
            "text_format_source": {
                "inline_string": "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% "
                "%DYNAMIC_METADATA(mine)%\n"
            }
        },
    }
    logs = [{"name": "l", "typed_config": log}]
    return bootstrap(port, upstream, http_filters=[*filters, router], access_log=logs, **more)


def counters(proxy: Proxy, name: str) -> dict[str, int]:
    text = proxy.admin(f"/stats?filter=python.{name}").text
    found = re.findall(rf"^http\.in\.python\.{name}\.(\w+): (\d+)$", text, re.M)
    return {key: int(value) for key, value in found}
