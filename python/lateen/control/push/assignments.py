"""The endpoints of clusters as resources, made when somebody first asks and shared by all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Set
from dataclasses import dataclass, field, replace
from functools import partial

from lateen.control.mesh import Mesh
from lateen.control.push.blob import Blob, blob
from lateen.control.push.cells import ScopeCells
from lateen.control.translate.endpoints import Choice, assignment_of, choice_of
from lateen.control.translate.reuse import Inputs

#: Names that nothing is known of are remembered, so that whoever asked is told when there is
#: something: anybody can ask for any, so not of more than these.
MOST_UNKNOWN = 1000


@dataclass
class Assignments:
    """The assignments of a mesh.

    Attributes:
        mesh: at this moment.
    """

    mesh: Mesh
    _made: defaultdict[str, dict[Choice, Blob]] = field(default_factory=lambda: defaultdict(dict))

    def of(self, choice: Choice) -> Blob:
        """The endpoints of a choice."""
        known = self._made[choice.service].get(choice) if choice.service in self._made else None
        if known is None:
            known = blob(choice.cluster, assignment_of(self.mesh, choice))
            # What nobody has is not kept: anybody can ask for any name.
            if choice.service:
                self._made[choice.service][choice] = known
        return known

    def has(self, choice: Choice) -> bool:
        """Whether it need not be made."""
        return choice in self._made.get(choice.service, ())

    def after(self, mesh: Mesh) -> tuple[Assignments, Set[str]]:
        """Those of the next mesh, and the services whose endpoints are others."""
        later = Assignments(mesh)
        before = self.mesh.endpoints
        changed = {
            service
            for service in before.keys() | mesh.endpoints.keys()
            if before.get(service) is not mesh.endpoints.get(service)
        }
        for service, made in self._made.items():
            if service not in changed:
                later._made[service] = made
        return later, changed


@dataclass
class Chosen:
    """What proxies of one scope choose of the endpoints.

    Attributes:
        inputs: of the translation, for one proxy of the scope.
        cells: parts that are known.
        assignments: of the mesh.
    """

    inputs: Inputs
    cells: ScopeCells
    assignments: Assignments
    _choices: dict[str, Choice] = field(default_factory=dict)
    _by_service: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _unknown: dict[str, Choice] = field(default_factory=dict)

    def of(self, name: str) -> Blob | None:
        """The endpoints of a cluster; None: the name is none of an outbound cluster."""
        choice = self._choices.get(name) or self._unknown.get(name) or self._choose(name)
        return self.assignments.of(choice) if choice is not None else None

    def _choose(self, name: str) -> Choice | None:
        choice = self.cells(("choice", name), self.inputs, partial(_choice, name))
        if choice is None:
            return None
        if choice.service:
            self._choices[name] = choice
            self._by_service[choice.service].append(name)
        else:
            if len(self._unknown) >= MOST_UNKNOWN:
                self._unknown.clear()
            self._unknown[name] = choice
        return choice

    def has(self, name: str) -> bool:
        """Whether the endpoints of a cluster need not be made."""
        choice = self._choices.get(name)
        return choice is not None and self.assignments.has(choice)

    def after(
        self,
        inputs: Inputs,
        assignments: Assignments,
        services: Iterable[str],
        unchanged: Collection[Hashable],
    ) -> tuple[Chosen, Set[str]]:
        """What is chosen in the next mesh, and the clusters whose endpoints are others.

        Args:
            assignments: of the next mesh.
            services: with other endpoints than in the mesh before.
            unchanged: what needs not be looked up again.
        """
        if self.cells.hold(unchanged):
            return replace(self, inputs=inputs).at(assignments, services)
        later = Chosen(inputs, self.cells.after(unchanged), assignments)
        return later, self._differing(later, (*self._choices, *self._unknown))

    def at(self, assignments: Assignments, services: Iterable[str]) -> tuple[Chosen, Set[str]]:
        """The same choices of other endpoints of some services, and the clusters with others."""
        later = replace(self, assignments=assignments)
        names = (name for service in services for name in self._by_service.get(service, ()))
        return later, self._differing(later, names)

    def _differing(self, later: Chosen, names: Iterable[str]) -> Set[str]:
        return {name for name in names if _version(self.of(name)) != _version(later.of(name))}


def _choice(name: str, inputs: Inputs) -> Choice | None:
    return choice_of(inputs.mesh, inputs.proxy, inputs.services, name)


def _version(resource: Blob | None) -> str:
    return resource.version if resource is not None else ""
