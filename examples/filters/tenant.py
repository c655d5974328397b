"""Sends each tenant to the upstream of its tier, and nobody else anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from lateen.filters import Request, Response, http_filter


@dataclass(frozen=True)
class Tenants:
    """The filter's configuration: the tier of each tenant."""

    tiers: dict[str, str]


@http_filter(config=Tenants)
def tenant(request: Request, tenants: Tenants) -> Response | None:
    """Routes match `x-tenant-tier`, which clients cannot set themselves."""
    name = request.headers.get("x-tenant")
    if name is None:
        return Response(401, "who is the tenant? (x-tenant)\n")
    tier = tenants.tiers.get(name)
    if tier is None:
        return Response(403, f"no tenant is called {name}\n")
    request.headers["x-tenant-tier"] = tier
    request.set_metadata("tenant", "tier", tier)
    request.clear_route()
    return None
