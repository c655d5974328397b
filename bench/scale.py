"""Ten thousand clusters and routes: how long until it listens, and how large it is then."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench import results
from bench.context import Context
from bench.errors import BenchError
from bench.net import ADDRESS, free_port, wait_accepts, wait_for
from bench.process import Process, settled_pss
from bench.proxies.base import Proxy, Setup, write_config
from bench.proxies.envoy import Envoy
from bench.proxies.lateen import Lateen
from bench.results import Measured

CLUSTERS = 10_000
LIMIT_SECONDS = 120.0

ROUTE = """
                        - match: {{ prefix: "/service-{number}/" }}
                          route: {{ cluster: service-{number} }}"""

CLUSTER = """
    - name: service-{number}
      type: STATIC
      load_assignment:
        cluster_name: service-{number}
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address: {{ address: {address}, port_value: {upstream} }}"""


def configuration(setup: Setup, count: int) -> Path:
    """Write a configuration with `count` clusters and a route to each; returns its path."""
    routes = "".join(ROUTE.format(number=number) for number in range(count))
    clusters = "".join(
        CLUSTER.format(number=number, address=ADDRESS, upstream=setup.upstream_port)
        for number in range(count)
    )
    return write_config(setup, "scale.yaml", routes=routes, clusters=clusters)


def measure(context: Context, proxy: Proxy) -> Measured:
    """Measure the time from the start to LIVE and listening, and the PSS after that."""
    if not isinstance(proxy, Envoy | Lateen):
        raise BenchError(f"{proxy.name} does not run Envoy's configuration")
    with tempfile.TemporaryDirectory(prefix="lateen-bench-") as name:
        setup = Setup(free_port(), free_port(), context.upstream.port, Path(name))
        path = configuration(setup, CLUSTERS)
        output = Path(name) / "output.log"
        began = time.monotonic()
        with Process(proxy.serve(path), cores=[context.cores.proxy], output=output) as process:
            wait_for(process, setup.admin_port, "/ready", b"LIVE", seconds=LIMIT_SECONDS)
            wait_accepts(process, setup.port, seconds=LIMIT_SECONDS)
            values = {results.LISTEN: time.monotonic() - began}
            values[results.PSS] = settled_pss(process, seconds=2) / 1e6
    return results.median("scale", proxy.name, [values])
