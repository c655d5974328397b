"""The table of `lateen proxy-status`: whether each proxy has what it was sent.

Source: istioctl/pkg/writer/pilot/status.go.
"""

from __future__ import annotations

from lateen.control.waiting import State

STATUS = "/debug/syncz"
COLUMNS = ("NAME", "CLUSTER", "CDS", "LDS", "EDS", "RDS", "ECDS", "VERSION")
_TYPES = ("cluster", "listener", "endpoint", "route", "extensionconfig")
_GAP = 5


def table(statuses: list[dict[str, str]], name: str = "") -> str:
    """The proxies as lines; empty when there is none.

    Args:
        statuses: what `/debug/syncz` says.
        name: of the only proxy that is shown; empty: all.
    """
    rows = [_row(one) for one in statuses if name in ("", one["proxy"])]
    if not rows:
        return ""
    lines = [COLUMNS, *sorted(rows)]
    widths = [max(map(len, column)) + _GAP for column in zip(*lines, strict=True)]
    return "".join("".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)


def refusals(state: State, name: str) -> str:
    """What a proxy refused, a line each.

    Args:
        state: what `/debug/generations` says.
    """
    lines = [
        f"refused: {short} {resource}: {why}\n"
        for one in state.proxies
        if one.proxy == name
        for short, by_name in one.refused.items()
        for resource, why in by_name.items()
    ]
    return "".join(lines)


def _row(status: dict[str, str]) -> tuple[str, ...]:
    states = (_state(status.get(f"{one}_sent"), status.get(f"{one}_acked")) for one in _TYPES)
    return (status["proxy"], status["cluster_id"], *states, status["istio_version"])


def _state(sent: str | None, acknowledged: str | None) -> str:
    if not sent:
        return "NOT SENT"
    if sent == acknowledged:
        return "SYNCED"
    return "STALE" if acknowledged else "STALE (Never Acknowledged)"
