"""Where routes go: hosts, subsets, ports, weights.

Source: Istio pkg/config/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol as Shape

from lateen.control.resources.checks.names import check_domain, check_port, check_subset_name
from lateen.control.resources.field import Field
from lateen.control.resources.traffic import Destination


class Weighted(Shape):
    """One of the destinations of a route."""

    @property
    def destination(self) -> Destination:
        """Where it goes."""

    @property
    def weight(self) -> int:
        """Its share."""


def check_destination(at: Field, destination: Destination | None) -> None:
    """Note what is no host, subset or port; None: it is not set."""
    if destination is None:
        return
    if destination.host == "*":
        (at / "host").error("* is no host that can be called", "name the host")
    else:
        check_domain(at / "host", destination.host, wildcard=True)
    if destination.subset:
        check_subset_name(at / "subset", destination.subset)
    if destination.port is not None:
        check_port(at / "port" / "number", destination.port.number)


def check_weighted(at: Field, routes: Sequence[Weighted]) -> None:
    """Note destinations that are wrong, and weights that share nothing."""
    for place, route in at.each(routes):
        check_destination(place / "destination", route.destination)
        if route.weight < 0:
            (place / "weight").error(f"a weight of {route.weight} is below 0", "0 or more")
    if len(routes) > 1 and sum(route.weight for route in routes) == 0:
        at.error("the weights of the destinations add up to 0", "give one a weight")
