"""Filters in Python, in the running proxy: each phase, each failure, and new source under load."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from tests.e2e.conftest import Config, bootstrap
from tests.e2e.python_filters import TYPE, Start, Upstreams, counters, filtered, python
from tests.support.client import Client, Response, fetch, get, post
from tests.support.upstream import Close, Script, raw, reply
from tests.support.workers import eventually

DISABLED = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
FILTERS = """
from lateen.filters import Request, Response, ResponseHead, http_filter

KEPT = []


@http_filter
def head(request: Request) -> Response | None:
    headers = request.headers
    if request.path == "/answer":
        return Response(418, "tea\\n", {"x-kind": "oolong"})
    seen = [request.method, request.path, request.authority, request.scheme]
    seen += [headers["x-many"], *headers.get_all("X-Many"), str(len(headers))]
    headers["x-seen"] = " ".join(seen)
    headers.add("x-many", "3")
    del headers["x-gone"]
    headers[":path"] = "/else"
    request.set_metadata("mine", "key", {"a": [1]})
    request.clear_route()
    return None


@http_filter
class Both:
    def on_request(self, request: Request) -> None:
        self.path = request.path

    def on_response(self, response: ResponseHead) -> Response | None:
        if response.headers.get("x-secret") is not None:
            return Response(502, "kept back\\n")
        response.headers["x-path"] = f"{self.path} {response.status}"
        return None


@http_filter
def fails(request: Request) -> object:
    request.headers["x-half"] = "done"
    match request.path:
        case "/raise":
            raise ValueError("not\\nthis one")
        case "/wrong":
            return 3
        case "/frame":
            request.headers["content-length"] = "7"
        case "/split":
            request.headers["x-a"] = "b\\r\\nc: d"
        case "/kept":
            KEPT[0]["x-a"]
        case "/exit":
            raise SystemExit(1)
    KEPT[:] = [request.headers]
    return None
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "filters.py"
    path.write_text(FILTERS)
    return path


def test_a_function_reads_and_changes_the_head_of_a_request(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path
) -> None:
    port, server = lease(), upstream(Script([reply(200, b"ok")]))
    else_where = {"match": {"path": "/else"}, "route": {"cluster": "be"}}
    refused = {"match": {"prefix": "/"}, "direct_response": {"status": 404}}
    proxy = start(filtered(port, server.port, python(file, "head"), routes=[else_where, refused]))
    sent = "x-many: 1\r\nX-MANY: 2\r\nx-gone: 1\r\n"
    assert fetch(port, get("/some?q=1", headers=sent)).status == 200
    head = server.requests[0].head
    assert head.start == "GET /else HTTP/1.1"
    assert head.get("x-seen").startswith("GET /some?q=1 example.com http 1,2 1 2 ")
    assert head.all("x-many") == ["1", "2", "3"]
    assert head.get("x-gone") is None
    answer = fetch(port, get("/answer"))
    assert (answer.status, answer.text, answer.get("x-kind")) == (418, "tea\n", "oolong")
    assert len(server.requests) == 1
    eventually(lambda: len(proxy.stdout.splitlines()) == 2)
    assert proxy.stdout.splitlines() == [
        '200 via_upstream {"key":{"a":[1]}}',
        "418 python_filter_answered -",
    ]
    assert counters(proxy, "head") == {"calls": 2, "answered": 1}


def test_an_object_sees_the_request_and_its_response(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path
) -> None:
    answers = [reply(200, b"ok"), reply(200, b"ok", "x-secret: 1\r\n")]
    port, server = lease(), upstream(Script(answers))
    proxy = start(filtered(port, server.port, python(file, "Both")))
    with Client(("127.0.0.1", port)) as client:
        first, second = (client.request(get(path)) for path in ("/one", "/two"))
    assert (first.status, first.get("x-path"), first.text) == (200, "/one 200", "ok")
    assert (second.status, second.text) == (502, "kept back\n")
    assert counters(proxy, "Both") == {"calls": 4, "answered": 1}


def test_over_http2(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path
) -> None:
    port, server = lease(), upstream(Script([reply(200, b"ok")]))
    start(filtered(port, server.port, python(file, "Both"), python(file, "head")))
    command = ["curl", "-si", "--http2-prior-knowledge", "--max-time", "20"]
    command += ["-H", "x-many: 1", "-H", "x-gone: 1", f"http://127.0.0.1:{port}/h2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    head, _, body = done.stdout.partition("\n\n")
    assert head.startswith("HTTP/2 200")
    assert "x-path: /h2 200" in head
    assert body == "ok"
    seen = server.requests[0].head.get("x-seen")
    assert seen.startswith(f"GET /h2 127.0.0.1:{port} http 1 1 ")


# What fails: the line of the filter, and what is told.
WRONG = {
    "/raise": ("raise ValueError", "ValueError: not this one"),
    "/wrong": ("", "TypeError: it returned int, not a Response or None"),
    "/frame": ("content-length", "ValueError: content-length is the proxy's own to set"),
    "/split": ("c: d", r'ValueError: "b\r\nc: d" cannot be the value of x-a'),
    "/kept": (
        "KEPT[0]",
        "RuntimeError: the message has gone on: a filter cannot keep it beyond its call",
    ),
    "/exit": ("raise SystemExit", "SystemExit: 1"),
}


def told(file: Path, marked: str, reason: str) -> str:
    if not marked:
        return f"python filter fails: {reason}"
    line = next(n for n, line in enumerate(FILTERS.splitlines(), 1) if marked in line)
    return f"python filter fails: {reason} ({file}:{line}, in fails)"


@pytest.mark.parametrize("mode", ["DENY", "ALLOW"])
def test_a_filter_that_fails_is_one_request_s_affair(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path, mode: str
) -> None:
    port, server = lease(), upstream(Script([reply(200, b"ok")]))
    without = {
        "match": {"prefix": "/without"},
        "route": {"cluster": "be"},
        "typed_per_filter_config": {"fails": DISABLED},
    }
    routes = [without, {"match": {"prefix": "/"}, "route": {"cluster": "be"}}]
    fails = python(file, "fails", failure_mode=mode)
    proxy = start(filtered(port, server.port, fails, routes=routes))
    with Client(("127.0.0.1", port)) as client:
        assert client.request(get("/well")).status == 200
        assert client.request(get("/without")).status == 200
        answers = {path: client.request(get(path)) for path in WRONG}
        assert client.request(get("/well")).status == 200
    halves = {each.head.start.split()[1]: each.head.get("x-half") for each in server.requests}
    assert (halves["/well"], halves["/without"]) == ("done", None)
    expected = 500 if mode == "DENY" else 200
    assert {path: answer.status for path, answer in answers.items()} == dict.fromkeys(
        WRONG, expected
    )
    if mode == "ALLOW":
        # What it did before it failed is undone.
        assert {path: halves[path] for path in WRONG} == dict.fromkeys(WRONG)
    for marked, reason in WRONG.values():
        line = told(file, marked, reason)
        eventually(lambda line=line: line in proxy.stderr)
    counted = {"calls": 8, "errors": 6}
    if mode == "ALLOW":
        counted["failure_mode_allowed"] = 6
    assert counters(proxy, "fails") == counted


ENDLESS = """
import time
from lateen.filters import http_filter


@http_filter
def endless(request):
    while request.path == "/loop":
        try:
            for _ in range(1000):
                pass
        except Exception:
            pass
    if request.path == "/sleep":
        time.sleep(0.4)
    return None
"""


@pytest.mark.parametrize("mode", ["DENY", "ALLOW"])
def test_a_filter_that_does_not_end_is_ended(
    start: Start, upstream: Upstreams, lease: Callable[[], int], tmp_path: Path, mode: str
) -> None:
    port, server = lease(), upstream(Script([reply(200, b"ok")]))
    file = tmp_path / "endless.py"
    file.write_text(ENDLESS)
    endless = python(file, "endless", failure_mode=mode, timeout="0.2s")
    proxy = start(filtered(port, server.port, endless))
    expected = 500 if mode == "DENY" else 200
    with Client(("127.0.0.1", port)) as client:
        for path, status in (("/loop", expected), ("/", 200), ("/sleep", expected), ("/", 200)):
            assert client.request(get(path)).status == status
    line = f"python filter endless: it took longer than 200ms ({file}:"
    eventually(lambda: proxy.stderr.count(line) == 2)
    assert counters(proxy, "endless")["errors"] == 2


def test_a_filter_that_comes_over_xds(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path, tmp_path: Path
) -> None:
    port, server = lease(), upstream(Script([reply(200, b"ok")]))
    extension = {
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": "ours",
        "typed_config": {"@type": TYPE, "file": str(file), "name": "Both"},
    }
    resource = tmp_path / "ecds.json"
    resource.write_text(json.dumps({"version_info": "1", "resources": [extension]}))
    discovery = {
        "config_source": {"path_config_source": {"path": str(resource)}},
        "type_urls": [TYPE],
    }
    proxy = start(filtered(port, server.port, {"name": "ours", "config_discovery": discovery}))
    eventually(lambda: fetch(port, get("/x")).get("x-path") == "/x 200")
    called = counters(proxy, "Both")["calls"]
    answer = fetch(port, get("/y"))
    assert (answer.status, answer.text, answer.get("x-path")) == (200, "ok", "/y 200")
    assert counters(proxy, "Both") == {"calls": called + 2}


def test_new_source_under_load_loses_no_request(
    start: Start, upstream: Upstreams, lease: Callable[[], int], tmp_path: Path
) -> None:
    port, server = lease(), upstream(Script([reply(200, b"ok")]))
    file = tmp_path / "version.py"
    text = (
        "from lateen.filters import http_filter\n@http_filter\nclass Version:\n"
        "    def on_response(self, response):\n        response.headers['x-version'] = '{}'\n"
    )
    file.write_text(text.format(0))
    proxy = start(filtered(port, server.port, python(file, "Version")), concurrency=2)
    found: Counter[tuple[int, str | None]] = Counter()
    ended, lock = threading.Event(), threading.Lock()

    def call() -> None:
        while not ended.is_set():
            with Client(("127.0.0.1", port)) as client:
                for _ in range(20):
                    answer: Response = client.request(get())
                    with lock:
                        found[answer.status, answer.get("x-version")] += 1

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 11):
            file.write_text(text.format(number))
            wanted = (200, str(number))
            eventually(lambda wanted=wanted: found[wanted] > 0)
            file.write_text("broken(\n")
            eventually(lambda number=number: proxy.stderr.count("was never closed") >= number)
    finally:
        ended.set()
        for thread in threads:
            thread.join(30)
    assert {status for status, _ in found} == {200}
    assert f"({file}:1); the filter stays as it was" in proxy.stderr
    assert fetch(port, get()).get("x-version") == "10"


def test_a_filter_of_the_command_line_is_the_first(
    start: Start, upstream: Upstreams, lease: Callable[[], int], file: Path
) -> None:
    port, server = lease(), upstream(Script([reply(200, b"ok")]))
    proxy = start(bootstrap(port, server.port), "--filter", f"{file}:Both")
    assert fetch(port, get("/x")).get("x-path") == "/x 200"
    assert counters(proxy, "Both") == {"calls": 2}


def test_wrong_input_is_told_where_it_is(
    command: list[str], lease: Callable[[], int], file: Path, tmp_path: Path
) -> None:
    def validate(*filters: Config, arguments: tuple[str, ...] = ()) -> str:
        config = tmp_path / "c.json"
        config.write_text(json.dumps(filtered(lease(), 1, *filters), indent=1))
        argv = [*command, "--mode", "validate", "-c", str(config), *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (1, "", False)
        return done.stderr

    wrong = validate(python(file, "hea"), python(file, "head", config={"a": 1}))
    first, second = wrong.splitlines()
    place = r"c\.json:\d+:\d+: error: .*http_filters\[{}\]\.typed_config\.{}: "
    assert re.search(place.format(0, "name") + r".* has no 'hea' \(did you mean 'head'\?\)", first)
    assert re.search(place.format(1, "config") + "head takes no configuration", second)
    assert "one of module and file" in validate(
        {"name": "x", "typed_config": {"@type": TYPE, "name": "a"}}
    )
    told = validate(arguments=("--filter", f"{tmp_path}/none.py:a"))
    assert told == f"error: --filter {tmp_path}/none.py:a: cannot read {tmp_path}/none.py\n"
    told = validate(arguments=("--filter", "tenant"))
    assert told == "lateen proxy: --filter: 'tenant' is not FILE:NAME (see lateen proxy --help)\n"


EXAMPLE = Path(__file__).parents[2] / "examples" / "filters"


def test_the_example(
    start: Start, upstream: Upstreams, lease: Callable[[], int], stack: ExitStack
) -> None:
    gold, basic = (upstream(Script([reply(200, name)])) for name in (b"gold", b"basic"))
    port = lease()
    config = (EXAMPLE / "envoy.yaml").read_text()
    for old, new in ((10000, port), (8001, gold.port), (8002, basic.port), (9901, 0)):
        config = config.replace(f"port_value: {old}", f"port_value: {new}")
    for name in ("tenant", "experiment", "signer"):
        config = config.replace(f"file: {name}.py", f"file: {EXAMPLE / name}.py")
    start(config)
    assert fetch(port, get()).status == 401
    assert fetch(port, get(headers="x-tenant: nobody\r\n")).status == 403
    answer = fetch(port, get("/pay", headers="x-tenant: acme\r\nx-user: jane\r\n"))
    assert (answer.text, answer.get("x-variant")) == (
        "gold",
        gold.requests[0].head.get("x-variant"),
    )
    assert fetch(port, get(headers="x-tenant: emca\r\nx-tenant-tier: gold\r\n")).text == "basic"
    variants = Counter(
        fetch(port, get(headers=f"x-tenant: acme\r\nx-user: {n}\r\n")).get("x-variant")
        for n in range(100)
    )
    assert set(variants) == {"a", "b"}
    assert variants["a"] > variants["b"]
    key, at, signature = cast("str", gold.requests[0].head.get("x-signature")).split()
    wanted = hmac.new(b"not-a-secret", f"GET\n/pay\n{at}".encode(), hashlib.sha256).hexdigest()
    assert (key, signature, abs(int(at) - time.time()) < 60) == ("edge", wanted, True)


def test_the_examples_that_see_bodies(
    start: Start, upstream: Upstreams, lease: Callable[[], int]
) -> None:
    private = b'{"name": "ann", "cards": [{"number": 1, "kind": "x"}], "number": 2}'
    stream = raw(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nConnection: close\r\n\r\n",
        b"data: a\n\nda",
        b"ta: b\n\ndata: [DONE]\n\n",
        Close(),
    )
    json_type = "content-type: application/json\r\n"
    answers = [reply(200, private, json_type), reply(200, b"x", json_type), stream]
    port, server = lease(), upstream(Script(answers))
    redact = python(EXAMPLE / "redact.py", "Redact", config={"names": ["number"]})
    start(filtered(port, server.port, python(EXAMPLE / "tokens.py", "Tokens"), redact))
    assert json.loads(fetch(port, get()).text) == {"name": "ann", "cards": [{"kind": "x"}]}
    assert fetch(port, get()).status == 500
    events = fetch(port, get()).text
    assert events == "data: a\n\ndata: b\n\ndata: [DONE]\n\nevent: usage\ndata: 2\n\n"


DOCUMENT = Path(__file__).parents[2] / "docs" / "python-filters.md"


def test_the_snippets_of_the_documentation_run(
    start: Start, upstream: Upstreams, lease: Callable[[], int], tmp_path: Path
) -> None:
    snippets = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S)
    files = [tmp_path / f"snippet{number}.py" for number in range(len(snippets))]
    for file, snippet in zip(files, snippets, strict=True):
        file.write_text(snippet)
    check = [sys.executable, "-m", "mypy", "--strict", *map(str, files)]
    done = subprocess.run(check, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout
    port, server = lease(), upstream(Script([reply(200, b"ok")]))
    tenant, trace, model, refuse = files
    filters = [
        python(tenant, "tenant"),
        python(trace, "Trace"),
        python(model, "by_model"),
        python(refuse, "refuse_long", config={"longest": 4}),
    ]
    start(filtered(port, server.port, *filters))
    assert fetch(port, get()).status == 401
    assert fetch(port, get("/long", headers="x-tenant: a\r\n")).status == 414
    assert fetch(port, get("/is", headers="x-tenant: acme\r\n")).get("x-asked-for") == "/is"
    assert server.requests[0].head.get("x-tenant-tier") == "gold"
    asked = post("/is", b'{"model": "small"}', headers="x-tenant: a\r\n")
    assert fetch(port, asked).status == 200
    assert server.requests[1].head.get("x-model") == "small"
