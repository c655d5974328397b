"""The chain of HTTP filters of a connection manager.

Source: HttpFilter in http_connection_manager.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos import worker_pb2
from lateen.proxy.compile.digest import digest
from lateen.proxy.compile.http_filters.python import added_filter
from lateen.proxy.compile.network_filters.owner import FilterSource, HttpFilterOwner

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ExtensionConfigSource
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
    from envoy.extensions.filters.network.http_connection_manager.v3 import (
        http_connection_manager_pb2 as hcm,
    )

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
        implemented="name typed_config config_discovery is_optional disabled",
    ),
    whole("envoy.config.core.v3.ExtensionConfigSource"),
)

_ROUTER = "envoy.filters.http.router"


def compile_http_filters(
    ctx: CompileContext,
    filters: Sequence[hcm.HttpFilter],
    manager: HttpFilterOwner,
    at: str,
) -> list[worker_pb2.HttpFilter]:
    """Every filter that is implemented, in order; the router must be the last one.

    Args:
        manager: the connection manager of the filters.
    """
    compiled = [added_filter(ctx, plan, manager) for plan in ctx.added_filters]
    for index, source in enumerate(filters):
        where = f"{at}[{index}]"
        last = index == len(filters) - 1
        out: worker_pb2.HttpFilter | None
        if source.HasField("config_discovery"):
            out = _compile_discovered(ctx, source, manager, where, last=last)
        else:
            out = _compile_filter(ctx, source, manager, where, last=last)
        if out is not None:
            compiled.append(out)
    return compiled


def _compile_filter(
    ctx: CompileContext, source: hcm.HttpFilter, manager: HttpFilterOwner, at: str, *, last: bool
) -> worker_pb2.HttpFilter | None:
    config = source.typed_config if source.HasField("typed_config") else None
    found = ctx.extensions.http_filters.find(ctx, source.name, config, at)
    if found is None:
        if source.is_optional:
            ctx.excuse(f"{at}.typed_config", "the filter is left out, as it is optional")
        return None
    extension, message = found
    compiled = extension.compile(ctx, message, manager, f"{at}.typed_config")
    compiled.name = source.name
    compiled.disabled = source.disabled
    _check_position(ctx, source, extension.name, at, last=last)
    return compiled


def _compile_discovered(
    ctx: CompileContext, source: hcm.HttpFilter, manager: HttpFilterOwner, at: str, *, last: bool
) -> worker_pb2.HttpFilter:
    """A filter whose configuration comes by ECDS."""
    if last:
        ctx.error(
            at,
            f"Error: non-terminal filter named {source.name} is the last filter in a http filter"
            " chain.",
        )
    where = f"{at}.config_discovery"
    compiled = discovered_filter(ctx, source.name, source.config_discovery, manager, where)
    compiled.disabled = source.disabled
    return compiled


def discovered_filter(
    ctx: CompileContext,
    name: str,
    config: ExtensionConfigSource,
    manager: HttpFilterOwner,
    at: str,
) -> worker_pb2.HttpFilter:
    """The filter `name`, which its connection manager is to subscribe to."""
    if config.apply_default_config_without_warming and not config.HasField("default_config"):
        reason = "Error: filter config applied without warming but has no default config."
        ctx.error(at, f"{reason} (filter {name})")
    for url in config.type_urls:
        if url.rpartition("/")[2] not in ctx.extensions.http_filters.types():
            known = ", ".join(ctx.extensions.http_filters.types())
            ctx.unimplemented(f"{at}.type_urls", url, known)
    if manager.filter_sources is None:
        reason = "Failed to get downstream factory context or server factory context."
        ctx.error(at, reason, "only what a listener holds itself can subscribe to filters")
        return worker_pb2.HttpFilter(name=name)
    data = config.SerializeToString(deterministic=True)
    key = digest(data + manager.stat_prefix.encode()).hex()
    source = FilterSource(f"ecds/{key}/{name}", name, data, HttpFilterOwner(manager.stat_prefix))
    manager.filter_sources.append(source)
    return worker_pb2.HttpFilter(name=name, discovered_filter=source.table)


def compile_discovered_filter(
    ctx: CompileContext,
    extension: TypedExtensionConfig,
    type_urls: Sequence[str],
    owner: HttpFilterOwner,
    at: str,
) -> worker_pb2.HttpFilter:
    """What an ECDS resource, or the default of one, says."""
    url = extension.typed_config.type_url
    if url not in type_urls:
        expected = " or ".join(type_urls)
        ctx.error(at, f"Error: filter config has type URL {url} but expect {expected}.")
    found = ctx.extensions.http_filters.find(ctx, extension.name, extension.typed_config, at)
    if found is None:
        return worker_pb2.HttpFilter(name=extension.name)
    kind, message = found
    if kind.name == _ROUTER:
        ctx.error(at, f"Error: terminal filter {extension.name} cannot come by ECDS")
    compiled = kind.compile(ctx, message, owner, f"{at}.typed_config")
    compiled.name = extension.name
    return compiled


def _check_position(
    ctx: CompileContext, source: hcm.HttpFilter, kind: str, at: str, *, last: bool
) -> None:
    terminal = kind == _ROUTER
    if terminal and not last:
        ctx.error(
            at,
            f"Error: terminal filter named {source.name} of type {kind} must be the last filter in"
            " a http filter chain.",
        )
    elif last and not terminal:
        ctx.error(
            at,
            f"Error: non-terminal filter named {source.name} of type {kind} is the last filter in a"
            " http filter chain.",
        )
