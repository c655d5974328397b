"""What the proxy has to reach, against peers of the same run."""

from __future__ import annotations

from dataclasses import dataclass
from operator import sub, truediv

from bench import results
from bench.results import Results

LATEEN = "lateen"


@dataclass(frozen=True)
class Verdict:
    """One target: the value reached, the limit, and the unit of both."""

    title: str
    reached: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the value is at or under the limit."""
        return self.reached <= self.limit


#: scenario, peer, the most that Lateen may cost as a share of the peer's CPU a request
RATIOS = (
    ("keepalive", "nginx", 0.9),
    ("keepalive", "envoy", 0.25),
    ("16k", "haproxy", 0.9),
    ("1m", "haproxy", 0.9),
    ("new", "nginx", 1.0),
    ("h2c", "haproxy", 0.95),
)

#: Scenarios in which Lateen may cost as much as the cheapest peer.
BEST = ("tcp", "tcp-1m", "tls", "h2c", "tls-h2", "tls-new", "tls-resume", "h2-h2", "grpc")
PEERS = ("nginx", "haproxy", "envoy")

#: scenario, metric, limit, unit
LIMITS = (
    ("hello", results.PSS, 39.0, "MB"),
    ("scale", results.LISTEN, 4.0, "s"),
    ("scale", results.PSS, 170.0, "MB"),
    ("idle", results.PER_CONNECTION, 10_000.0, "bytes"),
)

LOG_LIMIT_US = 1.5
#: Two workers take at least 1.9 times the requests of one: one worker's rate over two workers'.
SCALING_LIMIT = 1 / 1.9


def verdicts(found: Results) -> list[Verdict]:
    """Return a verdict for every target whose values were measured."""
    made = []
    for scenario, peer, limit in RATIOS:
        ratio = found.paired((scenario, LATEEN), (scenario, peer), results.CPU, truediv)
        if ratio is not None:
            made.append(Verdict(f"{scenario}: CPU against {peer}", ratio, limit, "x"))
    for scenario in BEST:
        ratios = [
            found.paired((scenario, LATEEN), (scenario, peer), results.CPU, truediv)
            for peer in PEERS
        ]
        known = [ratio for ratio in ratios if ratio is not None]
        if known:
            made.append(Verdict(f"{scenario}: CPU against the best", max(known), 1.0, "x"))
    added = found.paired(("log", LATEEN), ("keepalive", LATEEN), results.CPU, sub)
    if added is not None:
        made.append(Verdict("log: CPU that it adds", added, LOG_LIMIT_US, "us"))
    ratio = found.paired(("workers-1", LATEEN), ("workers-2", LATEEN), results.RATE, truediv)
    if ratio is not None:
        made.append(Verdict("workers: rate of one over two", ratio, SCALING_LIMIT, "x"))
    for scenario, metric, limit, unit in LIMITS:
        value = found.value(scenario, LATEEN, metric)
        if value is not None:
            made.append(Verdict(f"{scenario}: {metric}", value, limit, unit))
    return made
