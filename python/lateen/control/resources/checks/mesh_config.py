"""What holds for the whole mesh.

Source: Istio pkg/config/validation/agent/validation.go ValidateMeshConfig; the defaults of
destination rules are held to the rules of those.
"""

from __future__ import annotations

from lateen.control.mesh_config import MeshConfig
from lateen.control.resources.checks.connection_pool import check_connection_pool
from lateen.control.resources.checks.traffic_policy import check_outlier_detection
from lateen.control.resources.checks.values import check_duration
from lateen.control.resources.field import Field


def check_mesh_config(at: Field, config: MeshConfig) -> None:
    """Note what translation could not work with."""
    check_duration(at / "connectTimeout", config.connect_timeout)
    check_duration(at / "dnsRefreshRate", config.dns_refresh_rate)
    if config.tcp_keepalive is not None:
        check_duration(at / "tcpKeepalive" / "time", config.tcp_keepalive.time)
        check_duration(at / "tcpKeepalive" / "interval", config.tcp_keepalive.interval)
    defaults = at / "defaultTrafficPolicy"
    policy = config.default_traffic_policy
    check_connection_pool(defaults / "connectionPool", policy.connection_pool)
    check_outlier_detection(defaults / "outlierDetection", policy.outlier_detection)
