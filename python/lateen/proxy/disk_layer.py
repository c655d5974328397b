"""Runtime layers on disk: a tree of files, one value a file.

Source: envoy/config/bootstrap/v3/bootstrap.proto, RuntimeLayer.DiskLayer; Envoy docs, "Runtime
configuration", "File system layout". Texts and corner cases are Envoy 1.40's.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.config.syntax import ConfigSyntaxError
from lateen.config.yaml_tree import parse_yaml

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import RuntimeLayer

# The directory itself counts.
_MAX_DEPTH = 16
_SPACE = " \t\n\v\f\r"


class DiskLayerError(Exception):
    """A layer cannot be read or watched; who wrote it has to mend it. The message says why."""


@dataclass(frozen=True)
class DiskLayer:
    """Where a layer is.

    Attributes:
        root: what is replaced as a whole when values change, a symbolic link as a rule.
        directory: the top of the tree of files.
    """

    root: str
    directory: str

    @classmethod
    def of(cls, layer: RuntimeLayer, service_cluster: str) -> DiskLayer:
        """What a disk_layer says.

        Raises:
            DiskLayerError: there is nowhere to watch.
        """
        source = layer.disk_layer
        root = source.symlink_root
        if not root:
            raise DiskLayerError("invalid file path ")
        if not os.path.isdir(os.path.dirname(root) or "."):
            raise DiskLayerError(
                f"unable to add filesystem watch for file {root}: No such file or directory"
            )
        directory = f"{root}/{source.subdirectory}"
        if source.append_service_cluster:
            directory = f"{directory}/{service_cluster}"
        return cls(root, directory)

    def read(self) -> dict[str, str] | None:
        """The values of the tree by key; None when the directory is not there.

        Raises:
            DiskLayerError: a file cannot be read or is no value, or the tree is too deep.
        """
        if not os.path.isdir(self.directory):
            return None
        values: dict[str, str] = {}
        try:
            _walk(self.directory, "", 1, values)
        except OSError as error:
            raise DiskLayerError(f"unable to read {error.filename}: {error.strerror}") from None
        return values


def _walk(directory: str, prefix: str, depth: int, out: dict[str, str]) -> None:
    if depth > _MAX_DEPTH:
        raise DiskLayerError(f"{directory}: Walk recursion depth exceeded {_MAX_DEPTH}")
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        key = f"{prefix}.{name}" if prefix else name
        if os.path.isdir(path):
            _walk(path, key, depth + 1, out)
        else:
            out[key] = _read_value(path)


def _read_value(path: str) -> str:
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = value_of(data.decode())
        parse_yaml(text)
    except UnicodeDecodeError:
        raise DiskLayerError(f"{path}: not UTF-8") from None
    except ConfigSyntaxError as error:
        raise DiskLayerError(f"{path}: {error.message}") from None
    return text


def value_of(text: str) -> str:
    """The value in a file's text: lines that begin with # are comments, and the last line loses
    the white space at its end, as does any line that is the same.
    """
    lines = [line for line in text.split("\n") if line]
    value = ""
    for line in lines:
        if not line.startswith("#"):
            value += line.rstrip(_SPACE) if line == lines[-1] else f"{line}\n"
    return value
