"""Services that are other names of services.

Source: pilot/pkg/model/push_context.go resolveServiceAliases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from lateen.control.model.service import Resolution, Service


def with_aliases(services: Mapping[str, Service]) -> dict[str, Service]:
    """The services by host, each with the hosts of those that are aliases of it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for host, service in services.items():
        if service.resolution is Resolution.ALIAS and (target := _target(service, services)):
            found[target].append(host)
    aliases = {host: tuple(sorted(names)) for host, names in found.items()}
    return {
        host: replace(service, aliases=aliases[host]) if host in aliases else service
        for host, service in services.items()
    }


def _target(service: Service, services: Mapping[str, Service]) -> str | None:
    """The host of the service behind an alias, or behind that one's; None: there is none."""
    passed = {service.host}
    while service.resolution is Resolution.ALIAS:
        behind = services.get(service.external_name)
        if behind is None or behind.host in passed:
            return None
        passed.add(behind.host)
        service = behind
    return service.host
