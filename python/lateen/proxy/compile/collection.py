"""Collections of resources: what their locators say, and where they come from.

Source: xds/core/v3/resource_locator.proto; the errors are Envoy 1.40's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.xds.names import XdstpName, XdstpNameError, file_of, is_file

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource

    from lateen.proxy.compile.context import CompileContext

_STREAMS = "ads, DELTA_GRPC, AGGREGATED_GRPC or AGGREGATED_DELTA_GRPC"


def check_collection(
    ctx: CompileContext, locator: str, source: ConfigSource, type_name: str, at: tuple[str, str]
) -> None:
    """Refuses what no collection comes from.

    Args:
        ctx: collects the errors.
        locator: an xdstp locator, or a file's.
        source: where an xdstp collection comes from; a file needs none.
        type_name: the full name of the message of the collection's resources.
        at: the places of the locator and of the source.
    """
    if wrong := _wrong_locator(locator, type_name):
        ctx.error(at[0], wrong)
    elif not is_file(locator) and not _brings_collections(source):
        ctx.error(at[1], f"no collection can come from here: {_STREAMS} is needed")


def _wrong_locator(locator: str, type_name: str) -> str:
    if "#" in locator:
        return "directives of a locator are not implemented: leave out what follows #"
    if is_file(locator):
        return "" if file_of(locator).startswith("/") else f"{locator}: file:///PATH is needed"
    if locator.startswith("http:"):
        return f"no collection comes from {locator}: an xdstp: or file: locator is needed"
    if not XdstpName.is_one(locator):
        return f"{locator} does not have a xdstp:, http: or file: scheme"
    try:
        name = XdstpName.parse(locator)
    except XdstpNameError as error:
        return str(error)
    if name.type_name != type_name:
        return f"xdstp:// type does not match {type_name} in {locator}"
    return ""


def _brings_collections(source: ConfigSource) -> bool:
    if source.HasField("ads"):
        return True
    api = source.api_config_source
    kinds = (api.DELTA_GRPC, api.AGGREGATED_GRPC, api.AGGREGATED_DELTA_GRPC)
    return source.HasField("api_config_source") and api.api_type in kinds
