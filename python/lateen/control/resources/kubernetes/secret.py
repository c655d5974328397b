"""Secret: what is not for everybody's eyes, by name (Kubernetes core/v1)."""

from __future__ import annotations

import base64

from lateen.control.resources.field import Field
from lateen.control.resources.meta import Lenient, Resource


class Secret(Lenient, frozen=True):
    """What the manifest holds: `data` is base64, `string_data` is not, and goes before."""

    type: str = "Opaque"
    data: dict[str, str] = {}
    string_data: dict[str, str] = {}

    def value(self, *names: str) -> bytes:
        """The first of these entries that is there; empty: none is."""
        for name in names:
            if name in self.string_data:
                return self.string_data[name].encode()
            if name in self.data:
                return _decoded(self.data[name])
        return b""

    @property
    def names(self) -> list[str]:
        """What its entries are called."""
        return sorted({*self.data, *self.string_data})


def check_secret(secret: Resource[Secret], at: Field) -> None:
    """Note entries that are no base64."""
    for entry, _, value in (at / "data").entries(secret.spec.data):
        try:
            _decoded(value)
        except ValueError:
            entry.error("the value is no base64", "plain text is for stringData")


def _decoded(value: str) -> bytes:
    """The bytes of an entry, whose text may be written in several lines.

    Raises:
        ValueError: it is no base64.
    """
    return base64.b64decode("".join(value.splitlines()), validate=True)
