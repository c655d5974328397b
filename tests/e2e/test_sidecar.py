"""Two sidecars with their agents: a call goes from application to application through both."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.meshed import (
    APPLICATION,
    CLIENT_USER,
    CONTROL,
    MESH,
    PLAIN,
    PLAINTEXT,
    STRICT,
    VIRTUAL,
    Meshed,
    Process,
    as_user,
    machines,
    proxy_arguments,
)
from tests.support.waiting import until

ACTIVE = "/stats?filter=cluster.inbound.8080.*upstream_rq_active$"
# So that there are handshakes all the time.
FEW_REQUESTS = """\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: b, namespace: default}
spec: {host: b, trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 5}}}}
"""
# Asks a server that only the kernel's rules can lead to the sidecar.
LOOK_UP = """\
import sys
import dns.exception, dns.message, dns.query, dns.rcode
query = dns.message.make_query(sys.argv[1], sys.argv[2])
try:
    found = dns.query.udp(query, "203.0.113.53", timeout=10)
    print(*[each for rrset in found.answer for each in rrset] or [dns.rcode.to_text(found.rcode())])
except dns.exception.DNSException as error:
    print(type(error).__name__)
"""
NAMED = """\
apiVersion: v1
kind: Service
metadata: {name: late, namespace: default}
spec: {clusterIP: 203.0.113.11, selector: {app: b}, ports: [{name: http, port: 80}]}
"""
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: b, namespace: default}
spec:
  hosts: [b]
  http: [{directResponse: {status: 418, body: {string: tea}}}]
"""


@pytest.fixture(params=["lateen", "envoy"])
def meshed(request: pytest.FixtureRequest) -> Iterator[Meshed]:
    arguments = ["--discovery", f"{CONTROL}:15010", "--plaintext", *proxy_arguments(request.param)]
    with machines(MESH + PLAINTEXT) as (made, stack):
        made.start_control(stack, *PLAIN)
        made.start_application(stack)
        for machine in (made.a, made.b):
            machine.start(stack, arguments)
        yield made


@pytest.fixture(params=["lateen", "envoy"])
def mutual(request: pytest.FixtureRequest) -> Iterator[Meshed]:
    """As `meshed`, with certificates that are renewed each second."""
    renewal = ["--certificate-life", "30", "--grace-ratio", str(29 / 30)]
    arguments = ["--discovery", f"{CONTROL}:15012", *proxy_arguments(request.param), *renewal]
    with machines(MESH + STRICT + FEW_REQUESTS) as (made, stack):
        secure = ("--ca", str(made.authority), "--secure-address", f"{CONTROL}:15012")
        made.start_control(stack, "--address", "127.0.0.1:0", *secure)
        made.start_application(stack)
        for machine in (made.a, made.b):
            machine.start(stack, [*arguments, *made.credentials(machine.name)])
        yield made


def test_a_call_goes_through_both_sidecars(meshed):
    told = meshed.answer()
    # Only the inbound side of a sidecar connects from there.
    assert told["from"] == "127.0.0.6"
    assert told["headers"]["host"] == "b"
    stats = "/stats?filter=cluster.outbound.80..b.default.svc.cluster.local.*rq_2xx"
    assert meshed.a.admin(stats).rstrip().endswith("upstream_rq_2xx: 1")
    stats = "/stats?filter=cluster.inbound.8080.*upstream_rq_2xx"
    assert meshed.b.admin(stats).rstrip().endswith("upstream_rq_2xx: 1")


def test_traffic_goes_on_without_a_control_plane_and_changes_with_a_new_one(meshed):
    with ExitStack() as stack:
        meshed.control.end()
        until(lambda: "stream of the control plane ended" in meshed.a.sidecar.log())
        assert meshed.answer()["from"] == "127.0.0.6"
        assert meshed.a.is_ready()
        (meshed.manifests / "route.yaml").write_text(ROUTE)
        meshed.restart_control(stack)
        until(lambda: meshed.a.call() == (418, "tea"))


def test_both_sidecars_prove_who_they_are(mutual):
    told = mutual.answer()
    peers = told["headers"]["x-forwarded-client-cert"]
    assert "By=spiffe://cluster.local/ns/default/sa/b" in peers
    assert "URI=spiffe://cluster.local/ns/default/sa/a" in peers
    stats = "/stats?filter=cluster.outbound.80..b.default.svc.cluster.local.*ssl.handshake"
    assert mutual.a.admin(stats).rstrip().endswith("ssl.handshake: 1")


def test_no_call_fails_while_certificates_are_renewed_each_second(mutual):
    seen: dict[str, set[bytes]] = {"a": set(), "b": set()}

    def look():
        for machine in (mutual.a, mutual.b):
            seen[machine.name].add((machine.folder / "state" / "credentials.pem").read_bytes())
        return all(len(each) >= 8 for each in seen.values())

    ledger = mutual.load(12, lambda: until(look))
    assert ledger.failures == {}
    assert ledger.answered > 100
    handshakes = "/stats?filter=listener.*15006.*ssl.handshake"
    assert int(mutual.b.admin(handshakes).rpartition(": ")[2]) > 10


def test_no_call_fails_while_the_control_plane_is_killed_and_a_sidecar_needs_no_second_token(
    mutual,
):
    arguments = mutual.b.sidecar.process.args

    def kill():
        mutual.control.process.kill()
        until(lambda: "stream of the control plane ended" in mutual.a.sidecar.log())

    ledger = mutual.load(4, kill)
    assert ledger.failures == {}
    assert ledger.answered > 50
    with ExitStack() as stack:
        mutual.restart_control(stack)
        mutual.b.sidecar.end()
        mutual.b.sidecar = Process(arguments, mutual.b.folder / "again.log")
        stack.callback(mutual.b.sidecar.end)
        until(mutual.b.is_ready)
        until(lambda: mutual.a.call()[0] == 200)


@pytest.mark.parametrize("kind", ["lateen", "envoy"])
def test_a_call_that_is_under_way_is_answered_before_the_application_is_told_to_end(kind):
    arguments = ["--discovery", f"{CONTROL}:15010", "--plaintext", *proxy_arguments(kind)]
    application = ["--", sys.executable, APPLICATION, "0.0.0.0", "8080"]
    with machines(MESH + PLAINTEXT) as (made, stack):
        made.start_control(stack, *PLAIN)
        made.a.start(stack, arguments)
        made.b.start(stack, [*arguments, *application])
        until(lambda: made.a.call()[0] == 200)
        slow = f"http://{VIRTUAL}/slow"
        calls: list[tuple[int, str]] = []
        call = threading.Thread(target=lambda: calls.append(made.a.call(slow)))
        call.start()
        until(lambda: made.b.admin(ACTIVE).rstrip().endswith(": 1"))
        code = made.b.sidecar.end()
        call.join()
        assert calls[0][0] == 200
        assert '"from": "127.0.0.6"' in calls[0][1]
        # By the signal that was passed on to it.
        assert code == 128 + 15


def test_applications_look_names_up_with_their_sidecar(meshed):
    ask = [*as_user(CLIENT_USER), sys.executable, "-c", LOOK_UP]

    def addresses(name, kind="A"):
        return meshed.a.inside.run(*ask, name, kind, check=False).stdout.split()

    until(lambda: addresses("b.default.svc.cluster.local") == [VIRTUAL])
    assert addresses("b") == [VIRTUAL]
    assert addresses("b", "AAAA") == ["NOERROR"]
    assert addresses("late.default") == ["SERVFAIL"]
    (meshed.manifests / "late.yaml").write_text(NAMED)
    until(lambda: addresses("late.default") == ["203.0.113.11"])
