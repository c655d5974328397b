"""The access log of the admin listener: what of the command operators applies to it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from lateen.protos import worker_pb2
from lateen.proxy.admin.exchange import AdminRequest
from lateen.proxy.admin.json_text import JsonValue

# Envoy's default format.
_DEFAULT = (
    '[{START_TIME}] "{:METHOD} {:PATH} {PROTOCOL}" {RESPONSE_CODE} {RESPONSE_FLAGS}'
    " {BYTES_RECEIVED} {BYTES_SENT} {DURATION} {RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)}"
    ' "{X-FORWARDED-FOR}" "{USER-AGENT}" "{X-REQUEST-ID}" "{:AUTHORITY}" "{UPSTREAM_HOST}"\n'
)


@dataclass(frozen=True)
class Exchange:
    """One request that was answered; times in seconds since the epoch, sizes of bodies in bytes."""

    request: AdminRequest
    status: HTTPStatus
    started_s: float
    ended_s: float
    received: int
    sent: int
    remote: str
    local: str


class AdminAccessLog:
    """Writes a line for each request to each configured log."""

    def __init__(self, logs: Sequence[worker_pb2.AccessLog]) -> None:
        self._logs = list(logs)

    def write(self, exchange: Exchange) -> None:
        """Writes the lines; a file that cannot be written is passed over."""
        for log in self._logs:
            try:
                _append(log, _line(log, exchange))
            except OSError:
                continue


def _append(log: worker_pb2.AccessLog, line: str) -> None:
    if log.sink == worker_pb2.AccessLog.STDOUT:
        os.write(sys.stdout.fileno(), line.encode())
    elif log.sink == worker_pb2.AccessLog.STDERR:
        os.write(sys.stderr.fileno(), line.encode())
    else:
        with open(log.path, "a", encoding="utf-8") as file:
            file.write(line)


def _line(log: worker_pb2.AccessLog, exchange: Exchange) -> str:
    kind = log.WhichOneof("format")
    if kind == "json":
        return json.dumps(_json(log.json, exchange), ensure_ascii=False) + "\n"
    if kind == "text":
        return _text(log.text, exchange)
    return _default(exchange)


def _default(exchange: Exchange) -> str:
    headers = ("X-FORWARDED-FOR", "USER-AGENT", "X-REQUEST-ID", ":METHOD", ":PATH", ":AUTHORITY")
    plain = ("START_TIME", "PROTOCOL", "RESPONSE_CODE", "RESPONSE_FLAGS", "BYTES_RECEIVED")
    line = _DEFAULT
    for name in headers:
        line = line.replace(f"{{{name}}}", _header(exchange, name) or "-")
    for name in (*plain, "BYTES_SENT", "DURATION"):
        line = line.replace(f"{{{name}}}", str(_OPERATORS[name](exchange)))
    return line.replace("{RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)}", "-").replace(
        "{UPSTREAM_HOST}", "-"
    )


def _text(form: worker_pb2.Format, exchange: Exchange) -> str:
    absent = "" if form.omit_empty else "-"
    pieces = []
    for piece in form.pieces:
        if piece.WhichOneof("kind") == "literal":
            pieces.append(piece.literal)
        else:
            value = _value(piece.command, exchange)
            pieces.append(absent if value is None else str(value))
    return "".join(pieces)


def _json(form: worker_pb2.JsonFormat, exchange: Exchange) -> JsonValue:
    kind = form.WhichOneof("kind")
    if kind == "object":
        return {each.name: _json(each.value, exchange) for each in form.object.members}
    if kind == "list":
        return [_json(each, exchange) for each in form.list.items]
    if kind == "raw":
        value: JsonValue = json.loads(form.raw)
        return value
    pieces = form.format.pieces
    if len(pieces) == 1 and pieces[0].WhichOneof("kind") == "command":
        return _value(pieces[0].command, exchange)
    return _text(form.format, exchange)


def _value(command: worker_pb2.Command, exchange: Exchange) -> str | int | None:
    value: str | int | None
    if command.name == "REQ":
        value = None
        for name in command.argument.split("?"):
            value = value or _header(exchange, name)
    elif command.name == "START_TIME" and command.argument:
        value = time.strftime(command.argument, time.gmtime(exchange.started_s))
    else:
        operator = _OPERATORS.get(command.name)
        value = operator(exchange) if operator else None
    if value is not None and command.HasField("max_length"):
        return str(value)[: command.max_length]
    return value


def _header(exchange: Exchange, name: str) -> str | None:
    request = exchange.request
    pseudo = {":METHOD": request.method, ":PATH": request.target}
    if name.upper() in pseudo:
        return pseudo[name.upper()]
    key = "host" if name.upper() == ":AUTHORITY" else name.lower()
    return request.headers.get(key)


def _start_time(exchange: Exchange) -> str:
    moment = datetime.fromtimestamp(exchange.started_s, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _without_port(address: str) -> str:
    return address.rpartition(":")[0].removeprefix("[").removesuffix("]")


_OPERATORS: Mapping[str, Callable[[Exchange], str | int]] = {
    "START_TIME": _start_time,
    "PROTOCOL": lambda exchange: exchange.request.version,
    "RESPONSE_CODE": lambda exchange: int(exchange.status),
    "RESPONSE_FLAGS": lambda _: "-",
    "RESPONSE_CODE_DETAILS": lambda _: "via_upstream",
    "BYTES_RECEIVED": lambda exchange: exchange.received,
    "BYTES_SENT": lambda exchange: exchange.sent,
    "DURATION": lambda exchange: int((exchange.ended_s - exchange.started_s) * 1000),
    "DOWNSTREAM_REMOTE_ADDRESS": lambda exchange: exchange.remote,
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": lambda exchange: exchange.remote,
    "DOWNSTREAM_LOCAL_ADDRESS": lambda exchange: exchange.local,
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": lambda exchange: _without_port(exchange.remote),
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": lambda exchange: _without_port(exchange.local),
}
