"""The destinations of a virtual service with their places.

Source: Istio pkg/config/analysis/analyzers/virtualservice/util.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lateen.control.documents import Path
from lateen.control.resources.checks.destinations import Weighted
from lateen.control.resources.traffic import Destination
from lateen.control.resources.virtual_service import VirtualService


def route_destinations(service: VirtualService) -> Iterator[tuple[Path, Destination]]:
    """Where routes go."""
    fields: dict[str, list[Sequence[Weighted]]] = {
        "tcp": [route.route for route in service.tcp],
        "tls": [route.route for route in service.tls],
        "http": [route.route for route in service.http],
    }
    for field, routes in fields.items():
        for index, route in enumerate(routes):
            for number, one in enumerate(route):
                yield ("spec", field, index, "route", number, "destination"), one.destination


def mirror_destinations(service: VirtualService) -> Iterator[tuple[Path, Destination]]:
    """Where copies of requests go."""
    for index, route in enumerate(service.http):
        if route.mirror is not None:
            yield ("spec", "http", index, "mirror"), route.mirror
        for number, one in enumerate(route.mirrors):
            yield ("spec", "http", index, "mirrors", number, "destination"), one.destination
