"""Gateways that send requests round: each to the service of another that has a route for them.

Mostly a virtual service for `mesh` and a gateway, whose route to the gateway does not say in
`match.gateways` that it is for `mesh` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from lateen.config.diagnostics import Diagnostic
from lateen.control.documents import Path
from lateen.control.mesh import Mesh
from lateen.control.model.hosts import contains, full_name, gateway_name
from lateen.control.resources.gateway import Gateway
from lateen.control.resources.meta import Resource
from lateen.control.resources.report import Report
from lateen.control.resources.selectors import selects
from lateen.control.resources.virtual_service import HttpRoute, VirtualService
from lateen.control.translate.scope.rules import hosts_of

Rule = Resource[VirtualService]


@dataclass(frozen=True)
class _Step:
    """A route of one gateway that leads to another.

    Attributes:
        gateway: that requests come to.
        rule: whose route it is.
        path: of the route.
        following: the other gateway.
    """

    gateway: str
    rule: Rule
    path: Path
    following: str


@dataclass(frozen=True)
class Cycles:
    """Finds them.

    Attributes:
        mesh: at this moment.
    """

    mesh: Mesh

    def problems(self) -> Iterator[Diagnostic]:
        """One for each cycle, at the route that closes it."""
        hosts = {host for step in self._steps for host in hosts_of(step.rule, self.mesh.domain)}
        for host in sorted(hosts):
            for gateway in dict.fromkeys(step.gateway for step in self._steps):
                yield from self._follow(host, gateway, [])

    def _follow(self, host: str, gateway: str, before: Sequence[_Step]) -> Iterator[Diagnostic]:
        for step in self._steps:
            if step.gateway != gateway:
                continue
            if not any(contains(one, host) for one in hosts_of(step.rule, self.mesh.domain)):
                continue
            way = [*before, step]
            names = [one.gateway for one in way]
            # A cycle is found from each of its gateways, and told from the first.
            if step.following == names[0] == min(names):
                yield _told(host, way)
            elif step.following not in names:
                yield from self._follow(host, step.following, way)

    @cached_property
    def _steps(self) -> list[_Step]:
        behind: dict[str, list[str]] = {}
        found = []
        for gateway, rule, path, service in self._calls():
            if service not in behind:
                behind[service] = list(self._behind(service))
            found += [_Step(gateway, rule, path, following) for following in behind[service]]
        return found

    def _calls(self) -> Iterator[tuple[str, Rule, Path, str]]:
        """The services that routes of gateways lead to."""
        for gateway in self._gateways:
            for rule in self.mesh.bound_to(gateway):
                for index in _met(rule, gateway):
                    for one in rule.spec.http[index].route:
                        host = full_name(one.destination.host, rule.namespace, self.mesh.domain)
                        yield gateway, rule, ("spec", "http", index), host

    @cached_property
    def _gateways(self) -> dict[str, Resource[Gateway]]:
        return {f"{one.namespace}/{one.name}": one for one in self.mesh.of(Gateway)}

    def _behind(self, service: str) -> Iterator[str]:
        """The gateways whose workloads are endpoints of a service."""
        endpoints = self.mesh.endpoints.get(service, ())
        for name, gateway in self._gateways.items():
            wanted = gateway.spec.selector
            if wanted and any(selects(wanted, one.labels) for one in endpoints):
                yield name


def _met(rule: Rule, gateway: str) -> Iterator[int]:
    """The routes that requests at a gateway may meet and that keep their host."""
    for index, http in enumerate(rule.spec.http):
        if _is_for(rule, http, gateway):
            if http.rewrite is None or not http.rewrite.authority:
                yield index
            if not http.match:
                return


def _is_for(rule: Rule, http: HttpRoute, gateway: str) -> bool:
    named = [[gateway_name(one, rule.namespace) for one in match.gateways] for match in http.match]
    return not named or any(not one or gateway in one for one in named)


def _told(host: str, way: Sequence[_Step]) -> Diagnostic:
    report = Report(way[-1].rule.source)
    names = " to ".join([*(one.gateway for one in way), way[0].gateway])
    hint = "say in match.gateways for which of them the route is"
    report.warn(way[-1].path, f"requests for {host} go from {names}", hint)
    return report.found[0]
