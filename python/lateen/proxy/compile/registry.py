"""Finding the compile function of an extension by its type or its well-known name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from google.protobuf.message import Message

from lateen.config.support import Fields
from lateen.protos.worker_pb2 import (
    AccessLog,
    FilterOverride,
    HttpFilter,
    ListenerFilter,
    NetworkFilter,
)
from lateen.proxy.compile.network_filters.owner import FilterOwner, HttpFilterOwner

if TYPE_CHECKING:
    from google.protobuf.any_pb2 import Any as PackedAny

    from lateen.proxy.compile.context import CompileContext

Compiler_co = TypeVar("Compiler_co", covariant=True)
AccessLogCompiler = Callable[["CompileContext", Message, str], AccessLog]
HttpFilterCompiler = Callable[["CompileContext", Message, HttpFilterOwner, str], HttpFilter]
NetworkFilterCompiler = Callable[["CompileContext", Message, FilterOwner, str], NetworkFilter]
ListenerFilterCompiler = Callable[["CompileContext", Message, str], ListenerFilter]
OverrideCompiler = Callable[["CompileContext", Message, FilterOverride, str], None]


@dataclass(frozen=True)
class Extension(Generic[Compiler_co]):
    """One extension.

    Attributes:
        name: its well-known name.
        type: the message that configures it.
        compile: its compile function.
        support: the fields of its messages that are implemented.
    """

    name: str
    type: str
    compile: Compiler_co
    support: tuple[Fields, ...]


@dataclass(frozen=True)
class Override:
    """What a route may change in an HTTP filter: the message that says so, its compile function."""

    type: str
    compile: OverrideCompiler


@dataclass(frozen=True)
class HttpExtension(Extension[HttpFilterCompiler]):
    """An HTTP filter.

    Attributes:
        override: what a route may change in it; None: nothing.
    """

    override: Override | None = None


@dataclass(frozen=True)
class NetworkExtension(Extension[NetworkFilterCompiler]):
    """A network filter.

    Attributes:
        terminal: it serves the connection, and is the last of its chain.
    """

    terminal: bool = False


class Registry(Generic[Compiler_co]):
    """The extensions of one category, such as HTTP filters."""

    def __init__(self, category: str, extensions: Iterable[Extension[Compiler_co]]) -> None:
        self.category = category
        self._by_type = {extension.type: extension for extension in extensions}
        self._by_name = {extension.name: extension for extension in self._by_type.values()}

    def names(self) -> list[str]:
        """The well-known names, sorted."""
        return sorted(self._by_name)

    def __iter__(self) -> Iterator[Extension[Compiler_co]]:
        return iter(self._by_type.values())

    def types(self) -> list[str]:
        """The message types that configure them, sorted."""
        return sorted(self._by_type)

    def find(
        self, ctx: CompileContext, name: str, config: PackedAny | None, at: str
    ) -> tuple[Extension[Compiler_co], Message] | None:
        """The extension for `config`, and the message in it.

        Without a config the name decides and the message is empty: current Envoy refuses that, but
        much configuration was written when it did not. A name that is not known is reported; a type
        that is not is reported where the fields that are set are checked (lateen.config.support).
        """
        if config is not None:
            message = ctx.unpack(config)
            extension = self._by_type.get(message.DESCRIPTOR.full_name) if message else None
            if message is None or extension is None:
                return None
            return extension, message
        extension = self._by_name.get(name)
        if extension is None:
            what = f"{self.category} {name} without typed_config"
            ctx.unimplemented(at, what, ", ".join(self.names()))
            return None
        return extension, ctx.types.message_class(extension.type)()
