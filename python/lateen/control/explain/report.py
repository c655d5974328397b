"""An explanation as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from lateen.control.explain.explain import Explanation, Hop, origin_of
from lateen.control.explain.sources import Sources
from lateen.control.simulate.steps import Step
from lateen.control.translate.values import Json

_WIDTH = 15
_SIDES = {"outbound": "leaves", "inbound": "comes to", "gateway": "comes through"}


def as_text(found: Explanation, sources: Sources) -> Iterator[str]:
    """Lines for people."""
    for number, hop in enumerate(found.hops, 1):
        yield f"{number}. {_title(hop)}"
        for step in hop.path.steps:
            yield from _lines(step, sources)
    yield f"{'refused' if found.refused else 'reaches'}: {found.end}"


def _title(hop: Hop) -> str:
    return f"{_SIDES[hop.direction]} {hop.workload.name} ({hop.workload.proxy.addresses[0]})"


def _lines(step: Step, sources: Sources) -> Iterator[str]:
    why = f"  ({step.why})" if step.why and step.why not in step.name else ""
    yield f"   {step.kind:{_WIDTH}}{step.name or '-'}{why}"
    origin = origin_of(sources, step, step.kind)
    if origin is not None:
        yield f"   {'':{_WIDTH}}by {origin}"
    # Chains of one name may have lost for one reason.
    for lost in dict.fromkeys(step.lost):
        origin = origin_of(sources, lost, step.kind)
        where = f"  [{origin.file}:{origin.line}]" if origin is not None else ""
        yield f"   {'':{_WIDTH}}not {lost.name}: {lost.why}{where}"


def as_json(found: Explanation, sources: Sources) -> dict[str, Json]:
    """The same for programs."""
    return {
        "url": found.wanted.url,
        "hops": [_hop(hop, sources) for hop in found.hops],
        "refused": found.refused,
        "end": found.end,
        "status": found.hops[-1].path.status,
    }


def _hop(hop: Hop, sources: Sources) -> Json:
    return {
        "workload": hop.workload.name,
        "identity": hop.workload.identity,
        "direction": hop.direction,
        "steps": [_step(step, sources) for step in hop.path.steps],
    }


def _step(step: Step, sources: Sources) -> Json:
    origin = origin_of(sources, step, step.kind)
    lost: list[Json] = []
    for one in step.lost:
        where = origin_of(sources, one, step.kind)
        lost.append({"name": one.name, "why": one.why, "by": str(where) if where else None})
    return {
        "kind": step.kind,
        "name": step.name,
        "why": step.why,
        "by": str(origin) if origin is not None else None,
        "lost": lost,
    }
