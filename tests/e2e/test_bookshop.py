"""Every step of examples/bookshop/README.md, with sidecars of Lateen and of Envoy."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from lateen.mesh.plan import Mode
from tests.support.proxies import envoy_command
from tests.support.up import curl, running
from tests.support.waiting import until

EXAMPLE = Path(__file__).parents[2] / "examples" / "bookshop"
PLACES = [
    (proxy, mode) for proxy in ("lateen", "envoy") for mode in (Mode.namespaces, Mode.loopback)
]


class Shop:
    """The bookshop, brought up from a copy of the example."""

    def __init__(self, folder, up, mode):
        self.folder, self.up, self.mode = folder, up, mode

    @contextmanager
    def step(self, name):
        """The file of a step in force for the block's length."""
        (source,) = (self.folder / "steps").glob(f"*-{name}.yaml")
        copied = self.folder / "active" / source.name
        shutil.copyfile(source, copied)
        try:
            yield
        finally:
            copied.unlink()

    def get(self, path, *headers, of="front-1", port=9080):
        """Status and JSON of a call from outside."""
        options = [word for header in headers for word in ("-H", header)]
        status, body = curl(f"http://{self.up.address(of)}:{port}{path}", *options)
        return status, json.loads(body) if body.startswith("{") else body

    def book(self, *headers):
        """The book, as the front page has it; empty while it has none."""
        status, found = self.get("/book", *headers)
        return found if status == 200 else {"reviews": {}, "details": {}}

    def version(self, *headers):
        """The version of reviews that answers."""
        return self.book(*headers)["reviews"].get("version")

    def versions(self, count, *headers):
        """How often each version answers."""
        return Counter(self.version(*headers) for _ in range(count))

    def stars(self, *headers):
        """What version 2 or 3 of reviews hears of ratings, when the front page asks itself."""
        return self.get("/ratings", *headers)[1]


@pytest.fixture(scope="module", params=PLACES, ids=lambda place: "-".join(place))
def shop(request, tmp_path_factory):
    proxy, mode = request.param
    options = ()
    if proxy == "envoy":
        command = envoy_command()
        if command is None:
            pytest.skip("no Envoy: make .venv-envoy/.installed")
        options = ("--envoy", str(command[0]))
    folder = tmp_path_factory.mktemp("shop") / "bookshop"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("active"))
    (folder / "active").mkdir()
    with running(folder / "mesh.yaml", mode, *options) as up:
        made = Shop(folder, up, mode)
        until(lambda: made.version() and made.book()["details"].get("title"))
        yield made


@pytest.fixture(autouse=True)
def as_before(shop):
    """What a step changed is over before the next."""
    yield
    until(lambda: set(shop.versions(12)) == {"v1", "v2", "v3"})
    until(lambda: "stars" in shop.stars())


def test_the_shop_is_open_and_its_services_know_each_other(shop):
    details = shop.book()["details"]
    assert details["title"] == "The Sea-Wolf"
    assert details["caller"] == "spiffe://cluster.local/ns/default/sa/front"
    assert set(shop.versions(30)) == {"v1", "v2", "v3"}


def test_canary_by_weight(shop):
    with shop.step("canary"):
        until(lambda: "v2" not in shop.versions(8))
        found = shop.versions(100)
        assert set(found) <= {"v1", "v3"}
        # 90 are expected; less than 70 of 100 has a chance of one in a hundred million.
        assert found["v1"] >= 70


def test_by_header(shop):
    with shop.step("header"):
        until(lambda: set(shop.versions(6)) == {"v1"})
        assert shop.versions(6, "x-user: jane") == {"v3": 6}
        assert shop.versions(6, "x-user: john") == {"v1": 6}


def test_mirroring(shop):
    with shop.step("mirror"):
        until(lambda: set(shop.versions(6)) == {"v1"})
        until(lambda: shop.up.says('reviews-v2-1 | reviews-shadow:9080 "GET /reviews'))
        # Copies are not answered to anybody.
        assert shop.versions(6) == {"v1": 6}


def test_faults(shop):
    with shop.step("fault"):
        until(lambda: shop.book("x-user: john")["details"].get("status") == 503)
        began = time.monotonic()
        assert shop.book("x-user: jane")["details"]["title"] == "The Sea-Wolf"
        assert time.monotonic() - began >= 1
        assert shop.book("x-user: john")["details"]["error"] == "fault filter abort"
        assert shop.book()["details"]["title"] == "The Sea-Wolf"


def test_timeouts(shop):
    slow = "x-slow: details"
    assert shop.book(slow)["details"]["title"] == "The Sea-Wolf"
    with shop.step("timeout"):
        until(lambda: shop.book(slow)["details"].get("status") == 504)
        assert shop.book()["details"]["title"] == "The Sea-Wolf"


def test_retries(shop):
    broken = "x-break: ratings-2"
    until(lambda: shop.stars(broken).get("status") == 500)
    with shop.step("retries"):
        until(lambda: all("stars" in shop.stars(broken) for _ in range(12)))
        assert {shop.stars(broken)["instance"] for _ in range(6)} == {"ratings-1"}


def test_circuit_breaking(shop):
    def at_once():
        with ThreadPoolExecutor(8) as pool:
            found = pool.map(lambda _: shop.book("x-slow: details")["details"], range(8))
        return Counter(one.get("status", 200) for one in found)

    assert at_once() == {200: 8}
    with shop.step("circuit-breaker"):
        until(lambda: at_once()[503] > 0)
        found = at_once()
        assert found[200] >= 1
        assert set(found) == {200, 503}


def test_outlier_ejection(shop):
    broken = "x-break: ratings-2"
    with shop.step("outlier"):
        until(lambda: all("stars" in shop.stars(broken) for _ in range(12)))
        # The one that is well is the only one that is asked.
        assert shop.stars(broken)["instance"] == "ratings-1"
    until(lambda: shop.stars(broken).get("status") == 500)


def test_strict_mutual_tls(shop):
    assert shop.get("/details", of="details-1")[0] == 200
    with shop.step("strict-mtls"):
        until(lambda: shop.get("/details", of="details-1")[0] == 0)
        book = shop.book()
        assert book["details"]["caller"] == "spiffe://cluster.local/ns/default/sa/front"


def test_authorization_by_identity(shop):
    with shop.step("authorization"):
        denied = {"status": 403, "error": "RBAC: access denied"}
        until(lambda: all(shop.stars() == denied for _ in range(6)))
        # The front page is refused, and reviews, which asks for it, is not.
        until(lambda: shop.book()["reviews"].get("stars") == 4)
        assert shop.stars() == denied


def test_authorization_by_token(shop):
    argv = [sys.executable, str(shop.folder / "make_token.py"), "jane"]
    token = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    with shop.step("jwt"):
        until(lambda: shop.get("/book")[0] == 403)
        status, book = shop.get("/book", f"authorization: Bearer {token}")
        assert (status, book["details"]["title"]) == (200, "The Sea-Wolf")
        head, claims, _ = token.split(".")
        assert shop.get("/book", f"authorization: Bearer {head}.{claims}.AAAA")[0] == 401


def test_a_service_outside(shop):
    assert "in_print" not in shop.get("/publisher")[1]
    with shop.step("egress"):
        until(lambda: "in_print" in shop.get("/publisher")[1])
        assert shop.get("/publisher")[1]["publisher"] == "Macmillan"


def test_a_gateway_with_tls(shop):
    make = [sys.executable, str(shop.folder / "make_certificate.py")]
    subprocess.run(make, check=True)
    gateway = shop.up.address("ingress-1")
    host = "bookshop.example"
    tls = [
        *("--cacert", str(shop.folder / "bookshop.pem")),
        *("--resolve", f"{host}:8443:{gateway}", "--resolve", f"{host}:8080:{gateway}"),
    ]
    try:
        with shop.step("gateway"):
            until(lambda: curl(f"https://{host}:8443/book", *tls)[0] == 200)
            _, book = curl(f"https://{host}:8443/book", *tls)
            assert json.loads(book)["details"]["title"] == "The Sea-Wolf"
            assert curl(f"http://{host}:8080/book", *tls)[0] == 301
            until(lambda: shop.up.says(f'front-1      | {host}:8443 "GET /book'))
    finally:
        (shop.folder / "active" / "certificate.yaml").unlink()


def test_explain_answers_for_its_requests(shop):
    lateen = Path(sys.executable).with_name("lateen")
    directories = [
        "--mesh",
        str(shop.up.state / "manifests"),
        "--mesh",
        str(shop.folder / "active"),
    ]
    url = "http://reviews:9080/reviews"
    with shop.step("header"):
        argv = [str(lateen), "explain", url, "--from", "front", "-H", "x-user: jane", *directories]
        told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "outbound|9080|v3|reviews.default.svc.cluster.local" in told
    assert f"{os.path.join('active', '02-header.yaml')}" in told
