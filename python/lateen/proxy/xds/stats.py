"""The stats of subscriptions and of the streams to control planes.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/mgmt_server
"""

from __future__ import annotations

from lateen.proxy.stats.main_thread import StatNames

SUBSCRIPTION = StatNames(
    counters=(
        "init_fetch_timeout",
        "update_attempt",
        "update_failure",
        "update_rejected",
        "update_success",
    ),
    gauges=("update_time", "version"),
    texts=("version_text",),
    histograms=("update_duration",),
)
CONTROL_PLANE = StatNames(
    counters=("rate_limit_enforced",),
    gauges=("connected_state", "pending_requests"),
    texts=("identifier",),
)
