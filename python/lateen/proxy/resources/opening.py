"""Puts the managers together with what brings their resources: sockets begin here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.proxy.resources.dynamic import Dynamic, DynamicParts
from lateen.proxy.xds.bootstrap import BootstrapSources
from lateen.proxy.xds.subscriptions import Surroundings, XdsSubscriptions

if TYPE_CHECKING:
    from lateen.proxy.log.logger import Log
    from lateen.proxy.options import Options
    from lateen.proxy.prepare import Prepared
    from lateen.proxy.runtime import RuntimeLayers
    from lateen.proxy.stats.main_thread import MainThreadStats
    from lateen.proxy.workers import Workers


@dataclass(frozen=True)
class OpenDynamic:
    """The running managers, and the subscriptions to be closed in the end."""

    dynamic: Dynamic
    subscriptions: XdsSubscriptions
    ready: asyncio.Event


def open_dynamic(
    options: Options,
    prepared: Prepared,
    workers: Workers,
    stats: MainThreadStats,
    log: Log,
    runtime: RuntimeLayers,
) -> OpenDynamic:
    """Managers and subscriptions of a dynamic bootstrap; nothing is asked for yet."""
    assert prepared.dynamic is not None
    sources = BootstrapSources(prepared.config.bootstrap)
    subscriptions = XdsSubscriptions(Surroundings(sources, stats, log))
    ready = asyncio.Event()
    parts = DynamicParts(
        options=options,
        context=prepared.dynamic.context,
        workers=workers,
        subscriptions=subscriptions,
        stats=stats,
        summary=prepared.summary,
        log=log,
        later=_later,
        runtime=runtime,
    )
    dynamic = Dynamic(parts, prepared.config.bootstrap, prepared.dynamic.listeners, ready.set)
    return OpenDynamic(dynamic, subscriptions, ready)


def _later(seconds: float, call: Callable[[], None]) -> Callable[[], None]:
    return asyncio.get_running_loop().call_later(seconds, call).cancel
