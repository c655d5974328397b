"""/config_dump: the configuration as it is in force (admin.v3.ConfigDump)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from lateen.proxy.admin import field_mask
from lateen.proxy.admin.exchange import JSON, AdminRequest, AdminResponse
from lateen.proxy.admin.json_text import JsonValue, document
from lateen.proxy.config_source import TYPE_PREFIX, ConfigSource, Dump
from lateen.proxy.stats.regex import RegexError, compile_regex

if TYPE_CHECKING:
    from lateen.proxy.admin.context import AdminContext
    from lateen.proxy.resources.dump import DynamicDump

_PLAIN = "text/plain"
_NOSNIFF = (("x-content-type-options", "nosniff"),)
_ADMIN = f"{TYPE_PREFIX}envoy.admin.v3."


class _DumpError(Exception):
    """What was asked for cannot be shown."""

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


def config_dump(context: AdminContext, request: AdminRequest) -> AdminResponse:
    """The parts of the configuration; see `Endpoint.parameters` for what may be asked."""
    try:
        wanted = compile_regex(request.query.get("name_regex") or ".*").fullmatch
    except RegexError as error:
        pattern = request.query["name_regex"]
        message = f"INVALID_ARGUMENT: Error while parsing name_regex from {pattern}: {error}"
        return AdminResponse(message, HTTPStatus.BAD_REQUEST, _PLAIN)
    include_endpoints = request.flag("include_eds")
    dumps = list(_dumps(context, include_endpoints, lambda name: wanted(name) is not None))
    try:
        configs = _select(
            dumps, request.query.get("resource", ""), request.query.get("mask", ""), context.config
        )
    except _DumpError as error:
        return AdminResponse(str(error), error.status, _PLAIN, _NOSNIFF)
    return AdminResponse(document({"configs": configs} if configs else {}), content_type=JSON)


def _dumps(
    context: AdminContext, include_endpoints: bool, wanted: Callable[[str], bool]
) -> Iterator[Dump]:
    source = context.config
    parts = source.parts(wanted, _dynamic(context, wanted))
    for part in parts:
        if include_endpoints and part.type_name == "ListenersConfigDump":
            yield source.endpoints(context.workers.clusters(), wanted, context.summary.via_api)
        yield part


def _dynamic(context: AdminContext, wanted: Callable[[str], bool]) -> DynamicDump | None:
    if context.dynamic is None:
        return None
    from lateen.proxy.resources.dump import DynamicDump

    return DynamicDump(context.dynamic, wanted)


def _select(dumps: list[Dump], resource: str, mask: str, source: ConfigSource) -> list[JsonValue]:
    paths = [path for path in mask.split(",") if path]
    if resource:
        return _resource(dumps, resource, paths, source)
    if not paths:
        return [{"@type": f"{_ADMIN}{dump.type_name}", **dump.fields} for dump in dumps]
    found: list[JsonValue] = []
    for dump in dumps:
        if all(source.mask_fits(f"envoy.admin.v3.{dump.type_name}", path) for path in paths):
            kept = field_mask.apply(dump.fields, paths)
            found.append({"@type": f"{_ADMIN}{dump.type_name}", **kept})
    if not found:
        raise _DumpError(f"FieldMask {mask} could not be successfully applied to any configs.")
    return found


def _resource(
    dumps: list[Dump], resource: str, paths: list[str], source: ConfigSource
) -> list[JsonValue]:
    for dump in dumps:
        field = source.field_of(f"envoy.admin.v3.{dump.type_name}", resource)
        if field is None:
            continue
        if not field.repeated:
            raise _DumpError(
                f"{resource} is not a repeated field. Use ?mask={resource} to get only this field"
            )
        items = dump.fields.get(resource, [])
        assert isinstance(items, list)
        kept = [_masked(item, field.type_name, paths, source) for item in items]
        return [{"@type": f"{TYPE_PREFIX}{field.type_name}", **item} for item in kept]
    raise _DumpError(f"{resource} not found in config dump", HTTPStatus.NOT_FOUND)


def _masked(
    item: JsonValue, type_name: str, paths: list[str], source: ConfigSource
) -> dict[str, JsonValue]:
    assert isinstance(item, dict)
    if not paths:
        return item
    for path in paths:
        if not source.mask_fits(type_name, path, item):
            listed = "".join(f'paths: "{each}"\n' for each in paths)
            raise _DumpError(f"FieldMask {listed} could not be successfully used.")
    return field_mask.apply(item, paths)
