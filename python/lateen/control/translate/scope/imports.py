"""The hosts that an egress listener of a Sidecar imports, as `NAMESPACE/HOST`.

Source: istio/api networking/v1alpha3/sidecar.proto IstioEgressListener.hosts;
pilot/pkg/model/sidecar.go hostClassification.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lateen.control.model.hosts import contains, is_wildcard, matches

ANY, OWN, NOT = "*", ".", "~"


@dataclass
class Hosts:
    """Names of one namespace."""

    exact: set[str] = field(default_factory=set)
    wildcards: list[str] = field(default_factory=list)

    def add(self, host: str) -> None:
        """Take a name in."""
        if is_wildcard(host):
            self.wildcards.append(host)
        else:
            self.exact.add(host)

    def have(self, host: str) -> bool:
        """Whether every host of a name is one of these."""
        return host in self.exact or any(contains(one, host) for one in self.wildcards)

    def touch(self, host: str) -> bool:
        """Whether a name has a host in common with these."""
        if host in self.exact or any(matches(one, host) for one in self.wildcards):
            return True
        return is_wildcard(host) and any(matches(one, host) for one in self.exact)


@dataclass(frozen=True)
class Imports:
    """What a listener imports.

    Attributes:
        taken: hosts by namespace; ANY: of every namespace.
        left_out: likewise, those that are not imported all the same.
    """

    taken: Mapping[str, Hosts]
    left_out: Mapping[str, Hosts]

    @cached_property
    def everything(self) -> bool:
        """Whether nothing is left out: `*/*`."""
        return not self.left_out and ANY in self.taken and self.taken[ANY].have("*")

    def service(self, namespace: str, host: str) -> bool:
        """Whether a service is imported."""
        if self.everything:
            return True
        if self._left_out(namespace, host):
            return False
        return any(one.have(host) for one in _of(self.taken, namespace))

    def rule(self, namespace: str, hosts: Iterable[str]) -> bool:
        """Whether a VirtualService for `hosts` is imported: one that is in common is enough."""
        if self.everything:
            return True
        taken = _of(self.taken, namespace)
        return any(
            one.touch(host) and not self._left_out(namespace, host)
            for host in hosts
            for one in taken
        )

    def _left_out(self, namespace: str, host: str) -> bool:
        return any(one.have(host) for one in _of(self.left_out, namespace))


def imports(written: Iterable[str], namespace: str) -> Imports:
    """What `hosts` of a listener say.

    Args:
        written: `NAMESPACE/HOST`: the namespace may be `*` (every), `.` (the proxy's own) or begin
            with `~` (not these; `~/HOST`: of none).
        namespace: of the proxy.
    """
    taken: defaultdict[str, Hosts] = defaultdict(Hosts)
    left_out: defaultdict[str, Hosts] = defaultdict(Hosts)
    for one in written:
        owner, _, host = one.partition("/")
        hosts = left_out if owner.startswith(NOT) else taken
        owner = owner.removeprefix(NOT) or ANY
        hosts[namespace if owner == OWN else owner].add(host)
    return Imports(dict(taken), dict(left_out))


def _of(hosts: Mapping[str, Hosts], namespace: str) -> list[Hosts]:
    return [hosts[one] for one in (namespace, ANY) if one in hosts]
