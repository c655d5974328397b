"""A configuration as a path, a mapping or a message: as a file that the loader reads."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from lateen.config import Diagnostic
from lateen.config.load import BOOTSTRAP
from lateen.embedded.errors import ConfigError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor


class BootstrapMessage(Protocol):
    """A message of Envoy's Bootstrap, whichever package it comes from."""

    @property
    def DESCRIPTOR(self) -> Descriptor:
        """Its type."""

    def SerializeToString(self) -> bytes:
        """Its bytes."""


Config: TypeAlias = str | os.PathLike[str] | Mapping[str, object] | BootstrapMessage


@contextlib.contextmanager
def as_file(config: Config) -> Iterator[str]:
    """The path of a file with the configuration, for the `with` block.

    Raises:
        ConfigError: the mapping has what JSON cannot say.
        TypeError: it is no configuration.
    """
    if isinstance(config, str | os.PathLike):
        yield os.fspath(config)
        return
    if isinstance(config, Mapping):
        suffix, data = ".json", _json(config)
    else:
        suffix, data = ".pb", _bytes(config)
    with tempfile.TemporaryDirectory(prefix="lateen-") as directory:
        file = Path(directory) / f"config{suffix}"
        file.write_bytes(data)
        yield str(file)


def as_told(config: Config, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Diagnostics without places in a file that the caller never saw."""
    if isinstance(config, str | os.PathLike):
        return list(diagnostics)
    return [replace(each, file="", line=0, column=0) for each in diagnostics]


def _json(config: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(config, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        reason = f"the mapping is not what JSON can say: {error}"
        raise ConfigError([Diagnostic("error", "", reason)]) from None


def _bytes(config: BootstrapMessage) -> bytes:
    descriptor = getattr(config, "DESCRIPTOR", None)
    found = getattr(descriptor, "full_name", type(config).__name__)
    if found != BOOTSTRAP:
        raise TypeError(f"a configuration is a path, a mapping or a {BOOTSTRAP}, not a {found}")
    return config.SerializeToString()
