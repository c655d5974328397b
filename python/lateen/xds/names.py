"""Resource names of the xdstp scheme, `xdstp://AUTHORITY/TYPE/ID?CONTEXT`, and file locators.

Source: https://github.com/cncf/xds/blob/main/proposals/TP1-xds-transport-next.md and
xds/core/v3/resource_locator.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

SCHEME = "xdstp:"
_COLLECTION = "*"
_FILE = "file:"
# What needs no escape in a path and in a query besides letters and digits: RFC 3986, section 3.
_PATH_SAFE = "/-._~!$'()*+,;:@=[]"
_QUERY_SAFE = "-._~!$'()*+,;:@/?"


class XdstpNameError(ValueError):
    """Text that begins as an xdstp name and is none; the message says what is wrong."""


@dataclass(frozen=True)
class XdstpName:
    """A name, or the locator of a collection.

    Attributes:
        authority: who is asked; "" for nobody in particular.
        type_name: of the resource's message, such as `envoy.config.cluster.v3.Cluster`.
        id: the rest of the path; it ends in `/*` for a collection.
        context: parameters, which are part of the name in whatever order they come.
    """

    authority: str
    type_name: str
    id: str
    context: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def is_one(name: str) -> bool:
        """Whether a resource name has this scheme."""
        return name.startswith(SCHEME)

    @classmethod
    def parse(cls, name: str) -> XdstpName:
        """The name that a text is.

        Raises:
            XdstpNameError: it is none.
        """
        path, _, context = name.partition("#")[0].partition("?")
        rest = path.removeprefix(f"{SCHEME}//")
        if rest == path:
            raise XdstpNameError(f"{name}: does not begin with {SCHEME}//")
        authority, slash, rest = rest.partition("/")
        type_name, _, identifier = rest.partition("/")
        if not slash or not type_name:
            raise XdstpNameError(f"Resource type missing from {'/' + rest}")
        return cls(unquote(authority), type_name, unquote(identifier), _context(name, context))

    @property
    def is_collection(self) -> bool:
        """Whether it stands for all resources below a path."""
        return self.id.rpartition("/")[2] == _COLLECTION

    def within(self, context: Mapping[str, str]) -> XdstpName:
        """The same with more parameters; its own count before those."""
        return XdstpName(self.authority, self.type_name, self.id, {**context, **self.context})

    def __str__(self) -> str:
        path = f"{SCHEME}//{quote(self.authority, safe=_PATH_SAFE)}/{self.type_name}"
        if self.id:
            path += f"/{quote(self.id, safe=_PATH_SAFE)}"
        context = "&".join(
            f"{quote(key, safe=_QUERY_SAFE)}={quote(value, safe=_QUERY_SAFE)}"
            for key, value in sorted(self.context.items())
        )
        return f"{path}?{context}" if context else path


def is_file(locator: str) -> bool:
    """Whether a locator is of a collection in a file."""
    return locator.startswith(_FILE)


def file_of(locator: str) -> str:
    """The path of a collection that is in a file; relative if the locator is a wrong one."""
    return unquote(locator.removeprefix(f"{_FILE}//"))


def _context(name: str, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split("&")):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise XdstpNameError(f"{name}: {part} is no context parameter")
        found[unquote(key)] = unquote(value)
    return found


def normal_name(name: str) -> str:
    """A name with its parameters in order; one that is no xdstp name as it is."""
    try:
        return str(XdstpName.parse(name))
    except XdstpNameError:
        return name
