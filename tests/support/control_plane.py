"""`lateen control` as a process, and bootstraps of proxies that it serves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LATEEN = str(Path(sys.executable).with_name("lateen"))
SECONDS = 20.0

MONITORING = ("--monitoring-address", "127.0.0.1:0")


def control_command(manifests: Path) -> list[str]:
    """The control plane of a directory, on a free port of the loopback."""
    return [LATEEN, "control", str(manifests), "--address", "127.0.0.1:0", *MONITORING]


def port_told(log: Path) -> int:
    """The port that a control plane says it serves on; 0: it does not say it yet."""
    told = log.read_text().partition("on port ")[2]
    return int(told.split()[0]) if told else 0


def bootstrap(port: int, node_id: str, metadata: Mapping[str, object]) -> dict[str, object]:
    """The bootstrap of a proxy that gets everything from a control plane of this machine."""
    endpoint = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    cluster = {
        "name": "xds-grpc",
        "typed_extension_protocol_options": {
            options: {
                "@type": f"type.googleapis.com/{options}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": "xds-grpc",
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
        },
    }
    ads = {"ads": {}, "resource_api_version": "V3"}
    grpc = {"envoy_grpc": {"cluster_name": "xds-grpc"}}
    source = {"api_type": "DELTA_GRPC", "transport_api_version": "V3", "grpc_services": [grpc]}
    return {
        "node": {"id": node_id, "cluster": "test", "metadata": dict(metadata)},
        "dynamic_resources": {"ads_config": source, "cds_config": ads, "lds_config": ads},
        "static_resources": {"clusters": [cluster]},
    }


@contextmanager
def running(argv: Sequence[str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process for the block's length; what it says is written to a file."""
    with output.open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
