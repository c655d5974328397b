"""What one proxy did in a case, with what may vary from run to run replaced by names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.client import Response
from tests.support.http1 import Body, Head
from tests.support.http2 import Fields, Message, error_name
from tests.support.http2_upstream import Received2
from tests.support.upstream import Received

# Timings, and counts that depend on how bytes were cut into packets or on the digits of a timing.
UNSTABLE_STATS = re.compile(
    r"^(http|listener)\.admin\.|_bytes_buffered$|flow_control|downstream_cx_tx_bytes_total$|_cx_length_ms|_rq_time"
    r"|connections_accepted_per_socket_event|_pre_cx_active$|downstream_pre_cx_timeout$"
    # Of the libraries that Envoy uses, and what depends on how data is cut into frames.
    r"|nghttp2_|outbound_frames|pending_send_bytes"
)
VARYING_HEADERS = {
    "date": "<date>",
    "x-request-id": "<id>",
    "x-envoy-upstream-service-time": "<ms>",
    "x-ratelimit-reset": "<s>",
    "retry-after": "<s>",
}
# The value of a cookie that a hash policy makes of addresses and ports.
MADE_COOKIE = re.compile(r'="[0-9a-f]{16}"')
# Of a trace or a span.
SPAN_ID = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{16})(?![0-9a-f])")
# Where an id of a request tells why it is traced.
TRACE_REASON = 14
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass
class Observation:
    """The lines that are compared, by section."""

    client: list[str] = field(default_factory=list)
    upstream: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    stats: list[str] = field(default_factory=list)
    spans: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    failure: str = ""

    def render(self) -> str:
        """The whole observation as text."""
        if self.failure:
            return f"[failure]\n{self.failure}\n"
        sections = {
            "client": self.client,
            "upstream": self.upstream,
            "access log": self.log,
            "stats": self.stats,
            **({"spans": self.spans} if self.spans else {}),
        }
        return "".join(
            f"[{name}]\n" + "".join(f"{line}\n" for line in lines)
            for name, lines in sections.items()
        )


def difference(envoy: Observation, lateen: Observation) -> str:
    """A unified diff of two observations; empty when they agree."""
    lines = difflib.unified_diff(
        envoy.render().splitlines(), lateen.render().splitlines(), "envoy", "lateen", "", "", 3, ""
    )
    return "\n".join(lines)


class Normaliser:
    """Replaces ports, prefixes and directories of one scene by their names."""

    def __init__(self, names: dict[str, str], prefix: str, directory: str) -> None:
        self._ports = names
        self._prefix = f"{prefix}_"
        self._directory = directory
        self._ids: dict[str, str] | None = None

    def add_port(self, port: int, name: str) -> None:
        """Give a port a name; the first name of a port stays."""
        if port:
            self._ports.setdefault(str(port), name)

    def name_ids(self, names: dict[str, str]) -> None:
        """Give ids of traces and spans names; from then on one without a name is a new one."""
        self._ids = names

    def text(self, line: str) -> str:
        """One line without what belongs to this run alone."""
        if self._ids is not None:
            line = SPAN_ID.sub(lambda match: (self._ids or {}).get(match[0], "<new id>"), line)
        line = line.replace(self._directory, "<dir>").replace(self._prefix, "")
        line = re.sub(r"(?<![0-9])[0-9]{4,5}(?![0-9])", self._port, line)
        line = MADE_COOKIE.sub('="<made>"', line)
        return UUID.sub("<id>", line)

    def _port(self, match: re.Match[str]) -> str:
        name = self._ports.get(match[0])
        return f"<{name}>" if name else match[0]


def header_lines(headers: Sequence[tuple[str, str]], normaliser: Normaliser) -> list[str]:
    """Headers in the order of the wire, with the values that always vary replaced."""
    lines = []
    for name, value in headers:
        shown = VARYING_HEADERS.get(name.lower(), value)
        if name.lower() == "x-request-id" and not UUID.fullmatch(value):
            shown = value
        elif name.lower() == "x-request-id" and value[TRACE_REASON] != "4":
            shown = f"<id traced {value[TRACE_REASON]}>"
        if name.lower() == "x-envoy-expected-rq-timeout-ms" and 12000 < int(value) < 15000:
            shown = "<what is left of 15000>"
        lines.append(normaliser.text(f"  {name}: {shown}"))
    return lines


def body_lines(body: Body | None, normaliser: Normaliser) -> list[str]:
    """A body: framing, content (long ones by length), trailers, and whether it was whole."""
    if body is None:
        return ["  body: not read"]
    content = normaliser.text(body.data.decode("latin-1"))
    shown = repr(content) if len(content) <= 400 else f"{len(content)} bytes"
    ending = "" if body.complete else " INCOMPLETE"
    lines = [f"  body: {body.framing} {shown}{ending}"]
    return lines + [f"  trailer {name}: {value}" for name, value in body.trailers]


def response_lines(response: Response, normaliser: Normaliser) -> list[str]:
    """A response with its interim responses."""
    lines = []
    for head in response.interim:
        lines += head_lines(head, normaliser)
    return lines + head_lines(response.head, normaliser) + body_lines(response.body, normaliser)


def head_lines(head: Head, normaliser: Normaliser) -> list[str]:
    """A head: start line, then headers."""
    return [normaliser.text(head.start), *header_lines(head.headers, normaliser)]


def message_lines(message: Message, normaliser: Normaliser) -> list[str]:
    """What came on a stream of HTTP/2: heads, body, trailers, and how it ended."""

    def fields(mark: str, given: Fields) -> list[str]:
        return [f"{mark}{line[2:]}" for line in header_lines(given, normaliser)]

    lines = []
    for index, head in enumerate(message.heads):
        lines += fields("  " if index == 0 else "  then ", head)
    content = normaliser.text(message.data.decode("latin-1"))
    if message.has_data:
        lines.append("  data: " + (repr(content) if len(content) <= 400 else str(len(content))))
    lines += fields("  trailer ", message.trailers or ())
    return [*lines, end_line(message)]


def end_line(message: Message) -> str:
    """How what came on a stream of HTTP/2 ended."""
    reset = f"reset {error_name(message.reset)}" if message.reset is not None else ""
    endings = ["ended" if message.ended else "", reset]
    return f"  {' and '.join(filter(None, endings)) or 'not over'}"


def received_lines(name: str, received: Received | Received2, normaliser: Normaliser) -> list[str]:
    """A request as an upstream saw it, with the number of its connection."""
    if isinstance(received, Received2):
        where = f"{name} connection {received.connection} stream {received.stream}"
        told = [end_line(received.message)] if received.terse else None
        return [where, *(told or message_lines(received.message, normaliser))]
    return [
        f"{name} connection {received.connection}",
        *head_lines(received.head, normaliser),
        *body_lines(received.body, normaliser),
    ]
