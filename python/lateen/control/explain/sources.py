"""Where the resources are written that the configuration was made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lateen.control.documents import Path
from lateen.control.mesh import Mesh
from lateen.control.resources.authorization_policy import AuthorizationPolicy
from lateen.control.resources.meta import Key, Resource
from lateen.control.resources.virtual_service import VirtualService
from lateen.control.simulate.routes import written
from lateen.control.translate.routes.matching import route_match

_PLACE = re.compile(r"/apis/.*/namespaces/([^/]+)/([^/]+)/([^/]+)")
_POLICY = re.compile(r"ns\[([^]]*)\]-policy\[([^]]*)\]-rule\[(\d+)\]")


@dataclass(frozen=True)
class Origin:
    """What a part of the configuration was made of.

    Attributes:
        resource: `KIND NAMESPACE/NAME`.
        file: that defines it.
        line: of the part that decides.
    """

    resource: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.resource}, {self.file}:{self.line}"


@dataclass(frozen=True)
class Sources:
    """Finds the origins of what a simulation names.

    Attributes:
        mesh: that was simulated.
    """

    mesh: Mesh

    @cached_property
    def _by_key(self) -> Mapping[Key, Resource[object]]:
        return {one.key: one for one in self.mesh.resources}

    def of_key(self, key: Key, path: Path = ()) -> Origin | None:
        """The origin of a resource, or of a field of it."""
        resource = self._by_key.get(key)
        if resource is None:
            return None
        return Origin(str(key), resource.source.file, resource.position(path)[0])

    def of_place(self, place: str, name: str = "") -> Origin | None:
        """The origin of what tells its resource, as `/apis/.../namespaces/NS/KIND/NAME`.

        Args:
            name: of the route, when it is one of a virtual service.
        """
        found = _PLACE.fullmatch(place)
        if found is None:
            return None
        namespace, written_kind, resource_name = found.groups()
        kind = "".join(part.capitalize() for part in written_kind.split("-"))
        key = Key(kind, namespace, resource_name)
        resource = self._by_key.get(key)
        if resource is None:
            return None
        spec = resource.spec
        path = _route(spec, name) if isinstance(spec, VirtualService) and name else ()
        return self.of_key(key, path)

    def of_policy(self, name: str) -> Origin | None:
        """The origin of a policy of RBAC: the rule."""
        found = _POLICY.fullmatch(name)
        if found is None:
            return None
        namespace, policy, rule = found.groups()
        key = Key(AuthorizationPolicy.__name__, namespace, policy)
        return self.of_key(key, ("spec", "rules", int(rule)))

    def of_virtual_host(self, name: str) -> Origin | None:
        """The origin of a virtual host: the service of its name, `HOST:PORT`."""
        service = self.mesh.services.get(name.rpartition(":")[0])
        return self.of_key(service.source) if service is not None else None


def _route(spec: VirtualService, name: str) -> Path:
    """The field of a virtual service that a route of a name was made of."""
    return next((path for label, path in _routes(spec) if label == name), ())


def _routes(spec: VirtualService) -> Iterator[tuple[str, Path]]:
    """The names of routes, as the translation gives them, and the fields behind them."""
    for index, http in enumerate(spec.http):
        here: Path = ("spec", "http", index)
        for number, match in enumerate(http.match or (None,)):
            names = [http.name, match.name if match is not None else ""]
            label = ".".join(filter(None, names)) or written(route_match(match))
            yield label, here if match is None else (*here, "match", number)
