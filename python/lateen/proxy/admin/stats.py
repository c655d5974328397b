"""/stats and /stats/prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus

from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.exchange import (
    HTML,
    JSON,
    AdminRequest,
    AdminResponse,
    bad_request,
)
from lateen.proxy.admin.home import page
from lateen.proxy.admin.html_text import escape
from lateen.proxy.stats.model import StatKind
from lateen.proxy.stats.regex import RegexError
from lateen.proxy.stats.render_json import render_json
from lateen.proxy.stats.render_prometheus import render_prometheus
from lateen.proxy.stats.render_text import render_text
from lateen.proxy.stats.snapshot import Snapshot, StatsFilter

_FORMATS = ("html", "active-html", "json", "prometheus", "text")
_FORMAT_USAGE = f"usage: /stats?format=({'|'.join(_FORMATS)})\n\n"
_BUCKET_MODES = ("cumulative", "disjoint", "detailed", "summary", "prometheusnative")
_HIDDEN = ("include", "only", "exclude")
_BUCKET_USAGE = f"usage: /stats?histogram_buckets=({'|'.join(_BUCKET_MODES)})\n"


class _QueryError(Exception):
    """The query cannot be answered; the message is the response."""


def stats(context: AdminContext, request: AdminRequest) -> AdminResponse:
    """All stats, as text unless `format` says otherwise."""
    chosen = request.query.get("format", "text")
    if chosen == "prometheus":
        return prometheus(context, request)
    try:
        mode = _mode(request, "summary")
        if mode == "prometheusnative":
            raise _QueryError("Invalid histogram_buckets type for non prometheus stats type")
        if chosen not in _FORMATS:
            raise _QueryError(_FORMAT_USAGE)
        wanted = _filter(request, _kind(request))
    except _QueryError as error:
        return bad_request(str(error))
    bounds = context.stats.config.buckets_of
    if chosen == "json":
        body = _later(context, lambda stats: render_json(stats, wanted, mode, bounds))
        return AdminResponse(body, content_type=JSON)
    text = _later(context, lambda stats: render_text(stats, wanted, mode, bounds))
    if chosen == "text":
        return AdminResponse(text)
    return AdminResponse(_html(text, reload=chosen == "active-html"), content_type=HTML)


def prometheus(context: AdminContext, request: AdminRequest) -> AdminResponse:
    """All stats in Prometheus' text format."""
    try:
        mode = _mode(request, "cumulative")
        if mode == "prometheusnative":
            raise _QueryError(
                "unsupported prometheusnative histogram type when not using protobuf"
                " exposition format"
            )
        if mode not in ("cumulative", "summary"):
            raise _QueryError("unsupported prometheus histogram bucket mode")
        wanted = _filter(request, None)
    except _QueryError as error:
        return bad_request(str(error))
    bounds, tags = context.stats.config.buckets_of, context.stats.config.tags
    return AdminResponse(
        _later(
            context,
            lambda stats: render_prometheus(
                stats, wanted, mode, bounds, tags, texts=request.flag("text_readouts")
            ),
        )
    )


def reset_counters(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """Sets all counters to 0."""
    context.stats.reset_counters()
    return AdminResponse("OK\n", HTTPStatus.OK)


def _later(context: AdminContext, render: Callable[[Snapshot], Iterator[str]]) -> Iterator[str]:
    """The stats of the moment when the body is written: this response's head is counted by then.

    With stats_flush_on_admin the histograms are merged for whoever asks next, as in Envoy.
    """
    steps = context.stats.snapshot_in_steps()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            snapshot: Snapshot = end.value
            break
        yield ""
    if context.stats.config.flush_on_admin:
        context.stats.merge()
    yield from render(snapshot)


def _mode(request: AdminRequest, default: str) -> str:
    mode = request.query.get("histogram_buckets", "")
    if mode in ("", "none"):
        return "summary" if mode else default
    if mode not in _BUCKET_MODES:
        raise _QueryError(_BUCKET_USAGE)
    return mode


def _kind(request: AdminRequest) -> StatKind | None:
    name = request.query.get("type", "All")
    if name == "All":
        return None
    for kind in StatKind:
        if kind.value == name:
            return kind
    raise _QueryError("invalid &type= param")


def _filter(request: AdminRequest, kind: StatKind | None) -> StatsFilter:
    hidden = request.query.get("hidden", "exclude")
    if hidden not in _HIDDEN:
        raise _QueryError(f"usage: /stats?hidden=({'|'.join(_HIDDEN)})\n\n")
    try:
        return StatsFilter.matching(
            request.query.get("filter", ""),
            invert=request.flag("invert_filter"),
            used_only=request.flag("usedonly"),
            kind=kind,
            hidden_only=hidden == "only",
        )
    except RegexError as error:
        raise _QueryError(f"Invalid re2 regex: {error}") from None


def _html(lines: Iterator[str], *, reload: bool) -> Iterator[str]:
    refresh = "<meta http-equiv='refresh' content='5'>\n" if reload else ""
    front, _, back = page("Lateen stats", f"{refresh}<pre>\n\0</pre>\n").partition("\0")
    yield front
    for line in lines:
        yield escape(line)
    yield back
