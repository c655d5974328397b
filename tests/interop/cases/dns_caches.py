"""DNS caches of dynamic_forward_proxy: what of a name is kept, how long, and how much of it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.interop.cases.hedging import QUIET, SILENT, late
from tests.interop.cases.retries import GOOD
from tests.interop.forward_proxy import admin, cache, cluster, filtered, forward
from tests.interop.model import Case, End, Read, Wait, Write, once
from tests.support.client import get
from tests.support.upstream import Answer, Script

HOSTNAMES = r"^be::.*::hostname::"
# A name is let go of while the first attempt uses it, and the next attempt has it resolved anew.
FORGETS = "dns_min_refresh_rate: 1s, host_ttl: 0.5s"
HEDGED = (
    "[{match: {prefix: /}, route: {cluster: $be, timeout: 8s, hedge_policy:"
    " {hedge_on_per_try_timeout: true}, retry_policy: {retry_on: 5xx, per_try_timeout: 1.7s}}}]"
)


def hedged(name: str, *answers: Answer, second: Sequence[str] | str) -> Case:
    """A request whose first attempt takes longer than an attempt may; `second` is what the name is
    resolved to then.
    """
    return forward(
        name, steps=(Write(get(host="a.test:$up")), Read(), End()), routes=HEDGED, ttl=1,
        dns=FORGETS, with_filter=False, hcm=QUIET, up=Script(list(answers)),
        names={"a.test": [["127.0.0.1"], second]},
        # Whether the name is let go of again is a matter of when the case ends.
        ignore="dns_query|upstream_cx_|membership|host_removed|num_hosts",
    )  # fmt: skip


CASES = (
    hedged("dfp_hedged_resolves", SILENT, GOOD, second=["127.0.0.1"]),
    hedged("dfp_hedged_overtakes", late(GOOD, 2.4), GOOD, second="silence"),
    forward("dfp_max_hosts", "a.test:$up", "b.test:$up", "a.test:$up", dns="max_hosts: 1"),
    forward("dfp_max_hosts_without_filter", "a.test:$up", "b.test:$up", dns="max_hosts: 1",
            with_filter=False),
    forward("dfp_no_pending", "a.test:$up",
            dns="dns_cache_circuit_breaker: {max_pending_requests: 0}"),
    forward("dfp_no_pending_without_filter", "a.test:$up", with_filter=False,
            dns="dns_cache_circuit_breaker: {max_pending_requests: 0}"),
    forward("dfp_query_timeout", "slow.test:$up", dns="dns_query_timeout: 0.3s",
            names={"slow.test": ["silence"]}),
    forward("dfp_family_all", "six.test:$up", dns="dns_lookup_family: ALL",
            names={"six.test": [["127.0.0.1"]]}),
    forward("dfp_family_auto", "six.test:$dead", dns="dns_lookup_family: AUTO",
            names={"six.test": [["::1", "127.0.0.1"]]}),
    forward("dfp_family_v6", "127.0.0.1:$up", dns="dns_lookup_family: V6_ONLY"),
    forward("dfp_localhost", "localhost:$up"),
    forward("dfp_filtered", "a.test:$up", "other.test:$up", names={
        "a.test": [["127.0.0.1"]], "other.test": [["127.0.0.2", "127.0.0.1"]]},
        dns=filtered("127.0.0.2", 32)),
    forward("dfp_filtered_all", "a.test:$up", dns=filtered("127.0.0.0", 8)),
    forward("dfp_filtered_inverted", "a.test:$up", "other.test:$up",
            names={"a.test": [["127.0.0.1"]], "other.test": [["127.0.0.2"]]},
            dns=filtered("127.0.0.1", 32, "invert_match: true")),
    forward("dfp_filtered_literal", "127.0.0.1:$up", dns=filtered("127.0.0.0", 8)),
    forward("dfp_preresolves", steps=(
        Wait(0.3), admin(HOSTNAMES), *once(get(host="a.test:$up"))),
            dns="preresolve_hostnames: [{address: a.test, port_value: $up}]"),
    forward("dfp_failure_again", steps=(
        *once(get(host="late.test:$up")), *once(get(host="late.test:$up"))),
        dns="disable_dns_refresh_on_failure: true, dns_query_timeout: 0.4s",
        names={"late.test": ["silence"] * 2 + [["127.0.0.1"]]}),
    forward("dfp_failure_kept", steps=(
        *once(get(host="late.test:$up")), *once(get(host="late.test:$up"))),
        names={"late.test": ["silence"] * 2 + [["127.0.0.1"]]}, dns="dns_query_timeout: 0.4s"),
    forward("dfp_no_timeout", "a.test:$up", dns="dns_query_timeout: 0s"),
    forward("dfp_refreshes", steps=(
        *once(get(host="moves.test:$up")), Wait(2.5), *once(get(host="moves.test:$up"))),
        dns="dns_min_refresh_rate: 1s", ttl=1, ignore="dns_query",
        names={"moves.test": [["127.0.0.2"], ["127.0.0.1"]]}),
    forward("dfp_recovers", steps=(
        *once(get(host="late.test:$up")), Wait(2.5), *once(get(host="late.test:$up"))),
        dns="dns_min_refresh_rate: 1s, dns_refresh_rate: 1s, dns_query_timeout: 0.4s",
        ignore="dns_query", names={"late.test": ["silence", ["127.0.0.1"]]}),
    forward("dfp_recovers_at_failure_rate", steps=(
        *once(get(host="late.test:$up")), Wait(2.5), *once(get(host="late.test:$up"))),
        dns="dns_failure_refresh_rate: {base_interval: 0.2s, max_interval: 0.2s},"
        " dns_min_refresh_rate: 1s, dns_query_timeout: 0.4s",
        ignore="dns_query", names={"late.test": ["silence", ["127.0.0.1"]]}),
    forward("dfp_comes_to_be", steps=(
        *once(get(host="late.test:$up")), Wait(1.5), *once(get(host="late.test:$up"))),
        dns="dns_refresh_rate: 1s", ignore="dns_query",
        names={"late.test": ["nxdomain", ["127.0.0.1"]]}),
    forward("dfp_host_ttl", steps=(
        *once(get(host="a.test:$up")), Wait(3.0), admin(HOSTNAMES)),
        dns="dns_min_refresh_rate: 1s, host_ttl: 1s", ttl=1, ignore="dns_query"),
    forward("dfp_two_caches", "a.test:$up", clusters=f"[{cluster(dns=cache(name='$other'))}]"),
)  # fmt: skip
