"""The pages of the control plane: one line each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from lateen.control.exposition import CONTENT_TYPE
from lateen.control.follow import Follower
from lateen.control.mesh import Mesh
from lateen.control.monitoring import registryz, syncz
from lateen.control.monitoring.config_dump import config_dump
from lateen.control.monitoring.http import TEXT, Answer, Page
from lateen.control.push.connection import Connection
from lateen.control.push.plane import Plane

Parameters = Mapping[str, str]


@dataclass(frozen=True)
class Shown:
    """What the pages show.

    Attributes:
        plane: with the proxies.
        follower: what is in force of the directory.
        directories: that are read.
    """

    plane: Plane
    follower: Follower
    directories: Sequence[Path]

    def pages(self) -> Mapping[str, Page]:
        """The pages by their paths."""
        return {
            "/ready": Page(_ready, local=False),
            "/metrics": Page(self._metrics, local=False),
            "/debug/syncz": Page(self._syncz),
            "/debug/adsz": Page(self._adsz),
            "/debug/registryz": self._of_mesh(registryz.registryz),
            "/debug/endpointShardz": self._of_mesh(registryz.endpoint_shardz),
            "/debug/configz": self._of_mesh(registryz.configz),
            "/debug/push_status": self._of_mesh(registryz.push_status),
            "/debug/config_dump": Page(self._config_dump),
            "/debug/generations": Page(self._generations),
        }

    def _of_mesh(self, make: Callable[[Mesh], object]) -> Page:
        """A page of the mesh, which may be large."""

        async def page(parameters: Parameters) -> Answer:
            mesh = self.plane.mesh
            return await self.plane.make(lambda: _dumped(make(mesh)))

        return Page(page)

    async def _metrics(self, parameters: Parameters) -> Answer:
        return Answer(self.plane.metrics.text(), content_type=CONTENT_TYPE)

    async def _syncz(self, parameters: Parameters) -> Answer:
        return _dumped(syncz.syncz(self.plane.connections, version("lateen")))

    async def _adsz(self, parameters: Parameters) -> Answer:
        return _dumped(syncz.adsz(self.plane.connections))

    async def _config_dump(self, parameters: Parameters) -> Answer:
        wanted = parameters.get("proxyID", "")
        if not wanted:
            return Answer("config_dump?proxyID=NAME.NAMESPACE tells which proxy\n", 400, TEXT)
        found = [one for one in syncz.in_order(self.plane.connections) if _is(one, wanted)]
        if not found:
            return Answer(f"no proxy {wanted} is connected here\n", 404, TEXT)
        generated, connection = self.plane.generated, found[-1]
        watches = connection.session.watches.items()
        names = {type_url: sorted(watch.names) for type_url, watch in watches}
        return await self.plane.make(
            lambda: _dumped(config_dump(generated.of(connection.proxy), names))
        )

    async def _generations(self, parameters: Parameters) -> Answer:
        """What `lateen wait` asks."""
        plane = self.plane
        generation = plane.generation
        found: dict[str, object] = {
            "generation": generation.number,
            "digest": generation.digest,
            "proxies": syncz.generations(plane.connections),
        }
        if "file" in parameters:
            found["file"] = self._file(parameters["file"])
        return _dumped(found)

    def _file(self, file: str) -> dict[str, object]:
        """What is in force of a file: when it was written and how long it was, and its mistakes."""
        reading = self.follower.reading
        try:
            resolved = Path(file).resolve()
        except ValueError:  # No file has such a name.
            return {"read": False, "stamp": None, "problems": []}
        names = [
            str(directory / resolved.relative_to(directory.resolve()))
            for directory in self.directories
            if resolved.is_relative_to(directory.resolve())
        ]
        name = names[0] if names else ""
        stamp = reading.stamps.get(name)
        return {
            "read": bool(names),
            "stamp": list(stamp) if stamp is not None else None,
            "problems": [str(one) for one in reading.problems if one.file == name],
        }


def _is(connection: Connection, wanted: str) -> bool:
    return wanted in (connection.name, connection.id, connection.proxy.id)


async def _ready(parameters: Parameters) -> Answer:
    return Answer("ready\n", content_type=TEXT)


def _dumped(value: object) -> Answer:
    return Answer(json.dumps(value, indent=2) + "\n")
