"""What a case's collectors received, as lines; ids of traces and spans get names."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from tests.interop.model import Case, Write
from tests.interop.observation import SPAN_ID, UUID, Normaliser
from tests.support.collector import Collector, Span

# Who tells of the span: the product, its language and its version.
_PRODUCT = re.compile(
    r'(?<="telemetry\.sdk\.name", )"[^"]*"|(?<="telemetry\.sdk\.version", )"[^"]*"|"(?:cpp|rust)"'
    r'|(?<="scope": )\{"name": "[^"]*", "version": "[^"]*"\}'
)
# What gRPC's own library sends, and what depends on how long the body is.
_UNSTABLE = ("user-agent", "content-length")


def id_names(case: Case, collectors: Sequence[Collector]) -> dict[str, str]:
    """Names for the ids of spans, the first span's first; ids that the case itself has stay."""
    names: dict[str, str] = {}
    for step in case.steps:
        data = step if isinstance(step, bytes) else getattr(step, "data", b"")
        if isinstance(step, bytes | Write):
            names |= {each: each for each in SPAN_ID.findall(data.decode("latin-1"))}
    traces = spans = 0
    for span in _in_order([span for it in collectors for span in it.spans]):
        if span.trace_id not in names:
            traces += 1
            names[span.trace_id] = f"<trace {traces}>"
        if span.span_id not in names:
            spans += 1
            names[span.span_id] = f"<span {spans}>"
    return names


def span_lines(collector: Collector, normaliser: Normaliser) -> list[str]:
    """How the first report was made, and the spans in the order in which they began."""
    lines = [f"  {line}" for line in collector.problems]
    if collector.heads:
        path, *headers = collector.heads[0]
        kept = [each for each in headers if not each.startswith(_UNSTABLE)]
        lines += [f"report to {path}", *(f"  {each}" for each in kept)]
    for span in _in_order(collector.spans):
        lines += _lines(span)
    return [normaliser.text(line) for line in lines]


def _in_order(spans: Sequence[Span]) -> list[Span]:
    """By trace, parents first; of children of one span those of one name in their order.

    The time alone is no order: what happens at once begins at the same moment.
    """
    by_id = {span.span_id: span for span in spans if span.span_id != span.parent_id}

    def ancestors(span: Span) -> list[Span]:
        above = by_id.get(span.parent_id)
        return [span] if above is None else [*ancestors(above), span]

    def key(span: Span) -> tuple[int, int, str, int]:
        line = ancestors(span)
        return (line[0].start_ns, len(line), span.name, span.start_ns)

    return sorted(spans, key=key)


def _lines(span: Span) -> list[str]:
    def shown(key: str, value: object) -> str:
        if key == "guid:x-request-id" and UUID.fullmatch(str(value)):
            return f"<id traced {str(value)[14]}>"
        return value if isinstance(value, str) else f"{type(value).__name__} {value}"

    return [
        f"span {span.name!r} {span.kind}",
        f"  trace {span.trace_id} id {span.span_id} parent {span.parent_id or '-'}",
        *(f"  {key} = {shown(key, value)}" for key, value in sorted(span.attributes.items())),
        *(f"  event {event}" for event in span.events),
        "  " + _PRODUCT.sub('"<product>"', json.dumps(span.about, sort_keys=True)),
    ]
