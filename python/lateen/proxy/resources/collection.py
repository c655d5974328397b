"""Subscriptions to collections of resources.

Source: xds/core/v3/resource_locator.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.xds.names import file_of, is_file

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource


def names_of(locator: str) -> tuple[str] | None:
    """What a subscription asks for: the collection, or without a locator all that there is."""
    return (locator,) if locator else None


def source_of(source: ConfigSource, locator: str) -> ConfigSource:
    """Where a collection comes from: one in a file needs no source beside its locator."""
    if not is_file(locator):
        return source
    file = type(source)()
    file.path_config_source.path = file_of(locator)
    return file
