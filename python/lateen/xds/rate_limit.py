"""How often requests may be sent (core.v3.RateLimitSettings): a token bucket."""

from __future__ import annotations

from collections.abc import Callable

# Where rate_limit_settings leave them out.
DEFAULT_MAX_TOKENS = 100
DEFAULT_FILL_RATE = 10.0


class TokenBucket:
    """Full at first; a request takes a token.

    Args:
        clock: seconds, never going back.
        max_tokens: how many it holds.
        fill_rate: tokens a second.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        max_tokens: int = DEFAULT_MAX_TOKENS,
        fill_rate: float = DEFAULT_FILL_RATE,
    ) -> None:
        self._clock = clock
        self._max_tokens = max(1, max_tokens)
        self._fill_rate = fill_rate
        self._tokens = float(self._max_tokens)
        self._at = clock()

    def take(self) -> float:
        """Takes a token: 0.0; or, when there is none, the seconds until there is one."""
        now = self._clock()
        self._tokens = min(
            float(self._max_tokens), self._tokens + (now - self._at) * self._fill_rate
        )
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._fill_rate
