"""How long to wait before the next attempt: random, and longer each time."""

from __future__ import annotations

import random
from dataclasses import dataclass

# As Envoy waits for a control plane (docs: xds_protocol; EnvoyGrpc.retry_policy).
DEFAULT_BASE_S = 0.5
DEFAULT_MAX_S = 30.0


@dataclass
class Backoff:
    """Fully jittered exponential backoff: a wait is anywhere between 0 and a bound that doubles.

    Attributes:
        random: where chance comes from.
        base_s: the first bound, in seconds.
        max_s: the bound that is never passed.
    """

    random: random.Random
    base_s: float = DEFAULT_BASE_S
    max_s: float = DEFAULT_MAX_S

    def __post_init__(self) -> None:
        self.max_s = max(self.base_s, self.max_s)
        self._bound_s = self.base_s

    def next(self, cap_s: float | None = None) -> float:
        """Seconds to wait; `cap_s` bounds this wait alone."""
        bound_s = self._bound_s if cap_s is None else min(cap_s, self._bound_s)
        self._bound_s = min(2 * self._bound_s, self.max_s)
        return self.random.uniform(0.0, bound_s)

    def reset(self) -> None:
        """An attempt succeeded: the next wait is short again."""
        self._bound_s = self.base_s
