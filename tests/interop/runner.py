"""Runs cases on one proxy and collects what could be seen."""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.interop.config import Mapped, Scene, bootstrap, make_scene
from tests.interop.http2_talk import Http2Talk, connection_lines
from tests.interop.model import (
    Admin,
    Case,
    Drop,
    End,
    End2,
    HalfClose,
    Open,
    Open2,
    Read,
    Read2,
    Receive,
    Secure,
    Send2,
    Step,
    Wait,
    Write,
)
from tests.interop.observation import (
    UNSTABLE_STATS,
    Normaliser,
    Observation,
    header_lines,
    received_lines,
    response_lines,
)
from tests.interop.scrub import scrub
from tests.interop.spans import id_names, span_lines
from tests.support.client import Client
from tests.support.collector import Collector
from tests.support.http1 import ConnectionEnded
from tests.support.http2_upstream import Upstream2
from tests.support.proxies import DidNotStart, Proxy
from tests.support.telemetry_service import TelemetryService
from tests.support.tls_client import client_context, fingerprint_of
from tests.support.unary_service import UnaryService

Start = Callable[[Mapped, Sequence[str]], Proxy]
AT_ONCE = 6
SETTLE_LIMIT = 4.0


def run_cases(cases: Sequence[Case], start: Start) -> dict[str, Observation]:
    """Run cases that can share a process; when the shared one does not start, each on its own."""
    try:
        return _run_together(cases, start)
    except DidNotStart as error:
        if len(cases) == 1:
            return {cases[0].name: Observation(failure=f"did not start: {error}")}
    seen: dict[str, Observation] = {}
    for case in cases:
        seen.update(run_cases([case], start))
    return seen


def _run_together(cases: Sequence[Case], start: Start) -> dict[str, Observation]:
    directory = Path(tempfile.mkdtemp(prefix="lateen-interop-"))
    scenes = [make_scene(case, number, directory) for number, case in enumerate(cases)]
    try:
        arguments = [argument for case in cases for argument in case.arguments]
        with start(bootstrap(scenes), arguments) as proxy:
            runs = [_Run(scene, proxy) for scene in scenes]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(_Run.play, runs))
            _settle(proxy, scenes)
            stats = proxy.stats() if proxy.process.poll() is None else {}
            return {run.scene.case.name: run.collect(stats) for run in runs}
    finally:
        for scene in scenes:
            scene.close()
        shutil.rmtree(directory, ignore_errors=True)


def _settle(proxy: Proxy, scenes: Sequence[Scene]) -> None:
    """Wait until nothing is in flight and the access logs stop growing."""
    deadline = time.monotonic() + SETTLE_LIMIT
    before: object = None
    while time.monotonic() < deadline and proxy.process.poll() is None:
        stats = proxy.stats("filter=_active$")
        busy = [n for n, v in stats.items() if v and "rq_active" in n and ".admin." not in n]
        sizes = [s.log_path.stat().st_size if s.log_path.exists() else 0 for s in scenes]
        now = (sizes, stats)
        if not busy and now == before:
            return
        before = now
        time.sleep(0.2)


class _Run:
    """One case on one proxy."""

    def __init__(self, scene: Scene, proxy: Proxy) -> None:
        self.scene = scene
        self.proxy = proxy
        self.seen = Observation()
        self._clients: dict[str, Client] = {}
        self._secured: dict[str, ssl.SSLSocket] = {}
        self._sessions: dict[str, ssl.SSLSession | None] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        names = {str(u.port): name for name, u in scene.upstreams.items() if u.port}
        names |= {str(scene.listener.port): "listener", str(scene.dead.port): "dead"}
        self.normaliser = Normaliser(names, scene.prefix, str(scene.directory))
        self._http2 = Http2Talk(scene, self.seen, self.normaliser, self._open_socket, self._forget)

    def play(self) -> None:
        """Do the steps; what goes wrong is part of the observation."""
        for step in self.scene.case.steps:
            moves = (Write(step), Read(), End()) if isinstance(step, bytes) else (step,)
            for move in moves:
                try:
                    if isinstance(move, Open2 | Send2 | Read2 | End2):
                        self._http2.do(move)
                    else:
                        self._do(move)
                except OSError as error:
                    self.seen.client.append(f"failed: {error.strerror or error}")
        for client in self._clients.values():
            client.close()

    def _client(self, name: str) -> Client:
        if name not in self._clients:
            self._open(Open(name))
        return self._clients[name]

    def _open(self, step: Open) -> None:
        port = self.scene.dead.port if step.dead_port else 0
        source = (step.source, port) if step.source or port else None
        client = Client((step.to, self.scene.listener.port), 5.0, source)
        self.normaliser.add_port(client.local_port, "client")
        self._clients[step.on] = client

    def _secure(self, step: Secure) -> None:
        client = self._client(step.on)
        session = self._sessions.get(step.resume)
        context = self._contexts.get(step.resume) or client_context(step)
        self._contexts[step.on] = context
        try:
            secured = client.secure(context, step.name, session)
        except OSError as error:
            self.seen.client.append(f"tls failed: {self._reason(error)}")
            return
        cipher = secured.cipher()
        parts = [
            secured.version(),
            cipher and cipher[0],
            f"alpn={secured.selected_alpn_protocol()}",
        ]
        parts.append(f"resumed={secured.session_reused}")
        parts.append(f"certificate={fingerprint_of(secured)}")
        self.seen.client.append("tls " + " ".join(str(part) for part in parts))
        self._secured[step.on] = secured

    def _reason(self, error: OSError) -> str:
        """Why TLS failed; an end and a reset tell the same."""
        reason = getattr(error, "reason", None)
        return str(reason) if reason else "the connection ended"

    def _open_socket(self, name: str) -> socket.socket:
        self._open(Open(name))
        return self._clients[name].socket

    def _forget(self, name: str) -> None:
        self._clients.pop(name).close()

    def _receive(self, step: Receive) -> None:
        reader = self._client(step.on).reader
        try:
            data = reader.read_exactly(step.count, time.monotonic() + step.within)
            end = ""
        except (ConnectionEnded, TimeoutError) as error:
            data, reader.buffer = reader.buffer, b""
            end = f" then {error if isinstance(error, ConnectionEnded) else 'nothing'}"
        shown = repr(data) if len(data) <= 100 else f"{len(data)} bytes, sum {sum(data)}"
        self.seen.client.append(f"received {shown}{end}")

    def _do(self, step: Step) -> None:
        match step:
            case Write(data, on, piece, pause):
                filled = self.scene.fill_in(data.decode("latin-1")).encode("latin-1")
                self._client(on).send_slowly(filled, piece or len(filled) or 1, pause)
            case Open():
                self._open(step)
            case Secure():
                self._secure(step)
            case Receive():
                self._receive(step)
            case Read(method, on):
                self._read(method, on)
            case Wait(seconds):
                time.sleep(seconds)
            case Admin():
                self._ask(step)
            case HalfClose() | Drop() | End():
                self._finish(step)

    def _finish(self, step: HalfClose | Drop | End) -> None:
        match step:
            case HalfClose(on):
                self._client(on).half_close()
            case Drop(on, reset):
                client = self._clients.pop(on)
                self._http2.peers.pop(on, None)
                client.reset() if reset else client.close()
            case End(on, within):
                self._end(on, within)

    def _read(self, method: str, on: str) -> None:
        try:
            response = self._client(on).read_response(method)
        except ConnectionEnded as end:
            self.seen.client.append(f"no response: {end}")
        except TimeoutError:
            self.seen.client.append("no response: timeout")
        except ssl.SSLError as error:
            self.seen.client.append(f"no response: {self._reason(error)}")
        except (ValueError, IndexError) as error:
            self.seen.client.append(f"no response: not HTTP ({error})")
        else:
            self.seen.statuses.append(response.status)
            self.seen.client += response_lines(response, self.normaliser)

    def _end(self, on: str, within: float) -> None:
        client = self._client(on)
        del self._clients[on]
        if on in self._secured:
            self._sessions[on] = self._secured[on].session
        state = client.state_after(within)
        self.seen.client.append(f"connection: {state}")
        if client.leftover:
            self.seen.client.append(f"leftover: {client.leftover[:200]!r}")
        client.close()

    def _ask(self, step: Admin) -> None:
        path = self.scene.fill_in(step.path)
        answer = self.proxy.admin(path, step.method, step.form)
        self.seen.statuses.append(answer.status)
        self.seen.client.append(f"admin {step.method} {step.path}: {answer.status}")
        self.seen.client += header_lines(answer.headers, self.normaliser)
        if step.body:
            body = answer.text
            if step.sort_json:
                body = json.dumps(json.loads(body), sort_keys=True, indent=1)
            text = scrub(self.normaliser.text(body))
            text = re.sub(r"\d+", "#", text) if step.digits else text
            lines = text.split("\n")
            found = [match for line in lines if (match := re.search(step.keep, line))]
            kept = [match[1] if match.re.groups else match.string for match in found]
            self.seen.client += [f"  | {line}" for line in kept]

    def collect(self, stats: dict[str, int]) -> Observation:
        """Add what the upstreams, the access log and the stats tell."""
        case, seen = self.scene.case, self.seen
        collectors = [it for it in self.scene.upstreams.values() if isinstance(it, Collector)]
        if collectors:
            self.normaliser.name_ids(id_names(case, collectors))
            seen.spans = [line for it in collectors for line in span_lines(it, self.normaliser)]
        requests = []
        for name, upstream in self.scene.upstreams.items():
            for port in upstream.peer_ports:
                self.normaliser.add_port(port, "proxy")
            found = [received_lines(name, r, self.normaliser) for r in upstream.requests]
            requests += found if case.numbered else [lines[1:] for lines in found]
            if isinstance(upstream, UnaryService):
                requests += [[self.normaliser.text(line) for line in c] for c in upstream.calls]
            if isinstance(upstream, Upstream2):
                requests.append(connection_lines(name, upstream))
            if isinstance(upstream, TelemetryService):
                requests.append(sorted(map(self.normaliser.text, upstream.lines())))
        if case.unordered:
            requests.sort()
            seen.client.sort()
        seen.upstream = [line for request in requests for line in request]
        if self.scene.log_path.exists():
            lines = self.scene.log_path.read_text("latin-1").splitlines()
            seen.log = [scrub(self.normaliser.text(line)) for line in lines]
            if case.unordered:
                seen.log.sort()
        seen.stats = self._own_stats(stats)
        return seen

    def _own_stats(self, stats: dict[str, int]) -> list[str]:
        case = self.scene.case
        marks = (f"{self.scene.prefix}_", f"_{self.scene.listener.port}.")
        own = []
        for name, value in sorted(stats.items()):
            mine = any(mark in name for mark in marks) or (case.isolated and case.stats)
            if not (mine and value and case.stats and re.search(case.stats, name)):
                continue
            if UNSTABLE_STATS.search(name):
                continue
            if case.ignore_stats and re.search(case.ignore_stats, name):
                continue
            own.append(f"{self.normaliser.text(name)}: {value}")
        return own
