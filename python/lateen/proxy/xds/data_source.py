"""Reads certificates and keys of a channel anew at each attempt, so that rotated ones count.

Source: envoy/config/core/v3/base.proto, DataSource.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lateen.proxy.xds.target import TargetError

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import DataSource


def read_data_source(source: DataSource) -> bytes:
    """The content; b"" when nothing is configured.

    Raises:
        TargetError: it cannot be read.
    """
    kind = source.WhichOneof("specifier")
    if kind == "inline_string":
        return source.inline_string.encode()
    if kind == "inline_bytes":
        return source.inline_bytes
    if kind == "environment_variable":
        value = os.environ.get(source.environment_variable)
        if value is None:
            raise TargetError(f"Environment variable doesn't exist: {source.environment_variable}")
        return value.encode()
    if kind == "filename":
        try:
            return Path(source.filename).read_bytes()
        except OSError as error:
            raise TargetError(f"cannot read {source.filename}: {error.strerror}") from None
    return b""
