"""The trust domains that are one mesh: its own and their aliases.

Source: pilot/pkg/security/trustdomain/bundle.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LOCAL = "cluster.local"
# TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT
_PARTS = 5


@dataclass(frozen=True)
class TrustDomains:
    """The mesh's own trust domain and, after it, the aliases."""

    names: tuple[str, ...] = (_LOCAL,)

    def principals(self, written: Sequence[str]) -> list[str]:
        """The principals, each of this mesh with every trust domain of it.

        `cluster.local` stands for the mesh's own. A principal whose trust domain is `*`, or one of
        another mesh, is as it is written.
        """
        found: list[str] = []
        for principal in written:
            domain, _, rest = principal.partition("/")
            if principal.count("/") != _PARTS - 1 or domain == "*" or not self._has(domain):
                found.append(principal)
                continue
            renamed = (
                principal if _matches_end(name, domain) else f"{name}/{rest}" for name in self.names
            )
            found += dict.fromkeys(renamed)
        return found

    def expanded(self, written: Sequence[str]) -> list[str]:
        """The trust domains, for each of this mesh all of them."""
        found: list[str] = []
        for name in written:
            found += self.names if name in self.names else (name,)
        return list(dict.fromkeys(found))

    def _has(self, domain: str) -> bool:
        return domain == _LOCAL or any(_matches(name, domain) for name in self.names)


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or _matches_end(name, pattern) or _matches_start(name, pattern)


def _matches_start(name: str, pattern: str) -> bool:
    return pattern.endswith("*") and name.startswith(pattern.removesuffix("*"))


def _matches_end(name: str, pattern: str) -> bool:
    return pattern.startswith("*") and name.endswith(pattern.removeprefix("*"))
