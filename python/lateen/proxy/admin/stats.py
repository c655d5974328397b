"""/stats and /stats/prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
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
from lateen.proxy.stats.model import StatKind
from lateen.proxy.stats.regex import RegexError
from lateen.proxy.stats.render_json import render_json
from lateen.proxy.stats.render_prometheus import render_prometheus
from lateen.proxy.stats.render_text import render_text
from lateen.proxy.stats.snapshot import StatsFilter

_FORMATS = ("html", "active-html", "json", "prometheus", "text")
_FORMAT_USAGE = f"usage: /stats?format=({'|'.join(_FORMATS)})\n\n"
_BUCKET_MODES = ("cumulative", "disjoint", "detailed", "summary", "prometheusnative")
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
    _flush(context)
    snapshot = context.stats.snapshot()
    bounds = context.stats.config.buckets_of
    if chosen == "json":
        return AdminResponse(render_json(snapshot, wanted, mode, bounds), content_type=JSON)
    text = render_text(snapshot, wanted, mode, bounds)
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
    _flush(context)
    config = context.stats.config
    return AdminResponse(
        render_prometheus(
            context.stats.snapshot(),
            wanted,
            mode,
            config.buckets_of,
            config.tags,
            texts=request.flag("text_readouts"),
        )
    )


def reset_counters(context: AdminContext, _request: AdminRequest) -> AdminResponse:
    """Sets all counters to 0."""
    context.stats.reset_counters()
    return AdminResponse("OK\n", HTTPStatus.OK)


def _flush(context: AdminContext) -> None:
    if context.stats.config.flush_on_admin:
        context.stats.merge()


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
    try:
        return StatsFilter.matching(
            request.query.get("filter", ""),
            invert=request.flag("invert_filter"),
            used_only=request.flag("usedonly"),
            kind=kind,
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
