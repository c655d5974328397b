"""The hosts of a mesh and the names that they go by. No I/O.

Source: pkg/dns/client/dns.go of Istio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from google.protobuf.message import DecodeError

from lateen.protos.nds_pb2 import NameTable
from lateen.xds.messages import Response

_KUBERNETES = "Kubernetes"


class NamesError(Exception):
    """A table of names cannot be read; the control plane is at fault."""


@dataclass(frozen=True)
class Viewpoint:
    """Whose names they are: short ones depend on it.

    Attributes:
        namespace: of the workload.
        domain: of the cluster.
        search: the domain that resolvers try first; empty: none.
    """

    namespace: str
    domain: str
    search: str = ""


@dataclass(frozen=True)
class Host:
    """What is known of a name.

    Attributes:
        v4: its addresses of IPv4.
        v6: its addresses of IPv6.
        alias_of: the host that it is another name of; empty: the addresses are its own.
    """

    v4: Sequence[str]
    v6: Sequence[str]
    alias_of: str = ""


class Names:
    """The hosts of a name table, as a workload calls them."""

    def __init__(self, table: NameTable, viewpoint: Viewpoint) -> None:
        self._search = f".{viewpoint.search}".lower() if viewpoint.search else ""
        self._hosts: dict[str, Host] = {}
        for name, info in table.table.items():
            host = _host(info.ips)
            if host is not None:
                for each in _names_of(name.removesuffix("."), info, viewpoint):
                    self._hosts[each.lower()] = host

    def __len__(self) -> int:
        return len(self._hosts)

    def find(self, name: str) -> Host | None:
        """What a name stands for; None: the mesh does not know it.

        A resolver that tries the first of its search domains is told the host that it means, which
        saves it the other domains.

        Args:
            name: without the dot at its end.
        """
        name = name.lower()
        found = self._known(name)
        if found is None and self._search and name.endswith(self._search):
            short = name.removesuffix(self._search)
            meant = self._known(short)
            if meant is not None:
                return Host(meant.v4, meant.v6, alias_of=short)
        return found

    def _known(self, name: str) -> Host | None:
        """By its name, or by that of the wildcard that is nearest."""
        found = self._hosts.get(name)
        while found is None and "." in name:
            name = name.partition(".")[2]
            found = self._hosts.get(f"*.{name}")
        return found


def names_of(response: Response, viewpoint: Viewpoint) -> Names:
    """The names of an answer of the control plane: each is the whole table.

    Raises:
        NamesError: it has none.
    """
    table = NameTable()
    try:
        for one in response.resources:
            table.MergeFromString(one.body or b"")
    except DecodeError as error:
        raise NamesError(f"no table of names: {error}") from None
    return Names(table, viewpoint)


def _host(addresses: Sequence[str]) -> Host | None:
    by_version: Mapping[int, list[str]] = {4: [], 6: []}
    for one in addresses:
        try:
            by_version[ip_address(one).version].append(one)
        except ValueError:
            continue
    if not any(by_version.values()):
        return None
    return Host(tuple(by_version[4]), tuple(by_version[6]))


def _names_of(name: str, info: NameTable.NameInfo, viewpoint: Viewpoint) -> Sequence[str]:
    """A host's names: short ones are for services of the cluster."""
    if info.registry != _KUBERNETES or not name.endswith(f".svc.{viewpoint.domain}"):
        return [name]
    spaced = f"{info.shortname}.{info.namespace}"
    short = [info.shortname] if info.namespace == viewpoint.namespace else []
    return [name, spaced, f"{spaced}.svc", *short]
