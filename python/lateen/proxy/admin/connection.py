"""One connection to the admin listener: HTTP/1.1 by h11, answers as Envoy frames them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

import h11

from lateen.proxy.admin.access_log import AdminAccessLog, Exchange
from lateen.proxy.admin.dates import http_date
from lateen.proxy.admin.dispatch import Dispatch
from lateen.proxy.admin.exchange import AdminRequest, AdminResponse, parse_query, split_target
from lateen.proxy.admin.rules import Refusal, check_head, refusal_of
from lateen.proxy.log.logger import Log
from lateen.proxy.stats.admin_listener import AdminListenerStats

_READ = 65536
# Pieces of a body are collected up to this size before they are written.
_WRITE = 65536
_MAX_HEADERS = 61440
# How long a body may be worked on before all else gets its turn.
_TURN_S = 0.002
# The body of a request may be a form; a longer one is refused.
_MAX_BODY = 1 << 20


@dataclass(frozen=True)
class AdminParts:
    """What every connection needs."""

    dispatch: Dispatch
    stats: AdminListenerStats
    access_log: AdminAccessLog
    log: Log


class AdminConnection:
    """Serves the requests of one connection, one after the other."""

    def __init__(
        self, parts: AdminParts, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._parts = parts
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEADERS)
        self._remote = _address(writer.get_extra_info("peername"))
        self._local = _address(writer.get_extra_info("sockname"))
        self._mid_request = False
        self._sent = 0

    async def serve(self) -> None:
        """Serves until one side closes."""
        started = time.monotonic()
        self._parts.stats.opened()
        remote = False
        try:
            while await self._exchange():
                self._http.start_next_cycle()
        except (ConnectionError, EOFError):
            remote = True
        except h11.RemoteProtocolError as error:
            self._parts.stats.protocol_error()
            await self._refuse(refusal_of(error))
        finally:
            length_ms = int((time.monotonic() - started) * 1000)
            self._parts.stats.closed(length_ms, remote=remote, mid_request=self._mid_request)
            self._writer.close()

    async def _exchange(self) -> bool:
        """One request and its answer; whether another may follow."""
        head = await self._next_event()
        if not isinstance(head, h11.Request):
            raise EOFError
        check_head(head)
        started_s = time.time()
        self._mid_request = True
        self._parts.stats.request_begun()
        body = await self._read_body()
        request = _request(head, body)
        response = self._parts.dispatch(request)
        self._sent = 0
        self._parts.stats.response_begun(response.status)
        await self._answer(request, response)
        self._mid_request = False
        ended_s = time.time()
        self._parts.stats.request_ended(int((ended_s - started_s) * 1000))
        self._parts.access_log.write(
            Exchange(
                request,
                response.status,
                started_s,
                ended_s,
                len(body),
                self._sent,
                self._remote,
                self._local,
            )
        )
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _next_event(self) -> h11.Event:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = await self._reader.read(_READ)
                self._parts.stats.received(len(data))
                self._http.receive_data(data)
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                raise EOFError
            else:
                assert isinstance(event, h11.Event)
                return event

    async def _read_body(self) -> bytes:
        body = bytearray()
        while True:
            if self._http.they_are_waiting_for_100_continue:
                go_ahead = h11.InformationalResponse(
                    status_code=100, headers=[], reason=b"Continue"
                )
                self._send(go_ahead)
            event = await self._next_event()
            if isinstance(event, h11.EndOfMessage):
                return bytes(body)
            assert isinstance(event, h11.Data)
            body += event.data
            if len(body) > _MAX_BODY:
                raise h11.RemoteProtocolError("body too large", error_status_hint=413)

    async def _answer(self, request: AdminRequest, response: AdminResponse) -> None:
        self._send(
            h11.Response(
                status_code=int(response.status),
                reason=response.status.phrase.encode(),
                headers=_headers(response),
            )
        )
        if request.method != "HEAD":
            for piece in _pieces(response.body):
                if piece:
                    self._sent += len(piece)
                    self._send(h11.Data(data=piece))
                    await self._writer.drain()
                # All else gets its turn in the middle of a long answer.
                await asyncio.sleep(0)
        self._send(h11.EndOfMessage())
        await self._writer.drain()

    async def _refuse(self, refusal: Refusal) -> None:
        status = HTTPStatus(refusal.error_status_hint)
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._mid_request = False
            body = refusal.body.encode()
            framing = [("content-length", str(len(body))), ("content-type", "text/plain")]
            headers = [
                *(framing if body else ()),
                ("date", http_date(time.time())),
                ("server", "envoy"),
                ("connection", "close"),
                *(() if body else framing[:1]),
            ]
            phrase = status.phrase.replace("Entity", "Header Fields").encode()
            self._send(h11.Response(status_code=status, reason=phrase, headers=headers))
            if body:
                self._send(h11.Data(data=body))
            self._send(h11.EndOfMessage())
            await self._writer.drain()

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data and isinstance(event, h11.Response):
            # h11 writes its own framing headers with capitals, Envoy without.
            for name in (b"Transfer-Encoding", b"Connection"):
                data = data.replace(b"\r\n%b: " % name, b"\r\n%b: " % name.lower(), 1)
        if data:
            self._parts.stats.sent(len(data))
            self._writer.write(data)


def _request(head: h11.Request, body: bytes) -> AdminRequest:
    target = head.target.decode("latin-1")
    path, query = split_target(target)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    if not query and headers.get("content-type") == "application/x-www-form-urlencoded":
        query = parse_query(body.decode("latin-1"))
    version = f"HTTP/{head.http_version.decode()}"
    return AdminRequest(head.method.decode(), path, query, target, headers, version)


def _headers(response: AdminResponse) -> list[tuple[str, str]]:
    return [
        *response.headers,
        ("content-type", response.content_type),
        ("cache-control", "no-cache, max-age=0"),
        ("x-content-type-options", "nosniff"),
        ("date", http_date(time.time())),
        ("server", "envoy"),
        ("transfer-encoding", "chunked"),
    ]


def _pieces(body: str | Iterable[str]) -> Iterator[bytes]:
    """The body in pieces of a good size to write; an empty one when it takes long to make."""
    collected: list[bytes] = []
    size = 0
    last = time.monotonic()
    for part in (body,) if isinstance(body, str) else body:
        data = part.encode("utf-8", "surrogateescape")
        collected.append(data)
        size += len(data)
        if size >= _WRITE:
            yield b"".join(collected)
            collected, size = [], 0
        elif time.monotonic() - last > _TURN_S:
            yield b""
        else:
            continue
        last = time.monotonic()
    if size:
        yield b"".join(collected)


def _address(name: object) -> str:
    if isinstance(name, tuple) and len(name) >= 2:
        host, port = str(name[0]), int(name[1])
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return str(name or "")
