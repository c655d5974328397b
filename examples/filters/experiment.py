"""An A/B test: a user always gets the same variant, and the answer says which."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from lateen.filters import Request, ResponseHead, http_filter


@dataclass(frozen=True)
class Experiment:
    """The filter's configuration: its name, and the part of users in each variant."""

    name: str
    variants: dict[str, float] = field(default_factory=lambda: {"a": 0.5, "b": 0.5})

    def variant(self, user: str) -> str:
        """The variant of a user."""
        digest = hashlib.sha256(f"{self.name}/{user}".encode()).digest()
        point = int.from_bytes(digest[:8]) / 2**64 * sum(self.variants.values())
        for name, part in self.variants.items():
            point -= part
            if point < 0:
                return name
        return next(reversed(self.variants))


@http_filter(config=Experiment)
class Assign:
    """Routes match `x-variant`."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.variant = ""

    def on_request(self, request: Request) -> None:
        """Chooses the variant by the user, or by the client's address where there is none."""
        user = request.headers.get("x-user", "") or request.headers.get("x-forwarded-for", "")
        self.variant = self.experiment.variant(user)
        request.headers["x-variant"] = self.variant
        request.clear_route()

    def on_response(self, response: ResponseHead) -> None:
        """Tells the client, so that it can tell its analytics."""
        response.headers["x-variant"] = self.variant
