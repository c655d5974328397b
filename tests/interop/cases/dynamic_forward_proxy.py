"""Clusters whose hosts are those that requests name, and the filter that has them resolved."""

from __future__ import annotations

from tests.interop.forward_proxy import LOG, admin, forward, rewritten, state
from tests.interop.model import End, Read, Write, once
from tests.support.client import get
from tests.support.upstream import Script, reply

RETRIES = (
    "[{match: {prefix: /}, route: {cluster: $be, timeout: 2s,"
    " retry_policy: {retry_on: 'connect-failure,5xx', num_retries: 2}}}]"
)


def routed(action: str) -> str:
    """A route to the cluster with something more."""
    return f"[{{match: {{prefix: /}}, route: {{cluster: $be, timeout: 2s, {action}}}}}]"


CASES = (
    forward("dfp_name", "a.test:$up"),
    forward("dfp_name_twice", steps=(
        Write(get(host="a.test:$up")), Read(), Write(get(host="a.test:$up")), Read(), End())),
    forward("dfp_two_names", "a.test:$up", "b.test:$up", "A.test:$up"),
    forward("dfp_default_port", "a.test"),
    forward("dfp_address", "127.0.0.1:$up"),
    forward("dfp_address_of_ip6", "[::1]:$dead"),
    forward("dfp_refused", "a.test:$dead"),
    forward("dfp_no_such_name", "no.test:$up", "no.test:$up"),
    forward("dfp_broken_name", "broken.test:$up"),
    forward("dfp_empty_answer", "empty.test:$up"),
    forward("dfp_two_addresses", "two.test:$up"),
    forward("dfp_without_filter", "a.test:$up", "a.test:$up", "no.test:$up", with_filter=False),
    forward("dfp_clusters", "two.test:$up", "no.test:$up",
            steps=(admin(r"^be::"),)),
    forward("dfp_hostnames", steps=(
        *once(get(host="[::1]:$dead")), *once(get(host="127.0.0.1")),
        *once(get(host="a.test")), *once(get(host="[::1]")), admin(r"^be::.*::hostname::")),
        dns="dns_lookup_family: ALL", unordered=True),
    forward("dfp_odd_hosts", "a.test:99999", "a.test:", "[a]:80", "a..test:$up", "::1",
            "a.test.:$up"),
    forward("dfp_retries", "a.test:$dead", routes=RETRIES, with_filter=False),
    forward("dfp_retries_after", "a.test:$up", routes=RETRIES.replace("2s", "0s"),
            up=Script([reply(503), reply(200)])),
    forward("dfp_direct_response", "no.test",
            routes="[{match: {prefix: /}, direct_response: {status: 200}}]"),
    forward("dfp_other_cluster", "no.test", clusters="[{name: $be, hosts: [$up]}]"),
    forward("dfp_route_host", "no.test", routes=rewritten("host_rewrite_literal: 'a.test:$up'")),
    forward("dfp_route_header", steps=once(get(host="no.test", headers="x-to: a.test:$up\r\n")),
            routes=rewritten("host_rewrite_header: X-To")),
    forward("dfp_route_header_twice", steps=once(
        get(host="no.test", headers="x-to: a.test:$up\r\nx-to: b.test\r\n")),
        routes=rewritten("host_rewrite_header: x-to")),
    forward("dfp_route_header_empty", steps=once(get(host="a.test:$up", headers="x-to: \r\n")),
            routes=rewritten("host_rewrite_header: x-to")),
    forward("dfp_route_header_missing", "a.test:$up",
            routes=rewritten("host_rewrite_header: x-to")),
    forward("dfp_router_host", "a.test:$up",
            routes=routed("host_rewrite_literal: 'b.test:$up'")),
    forward("dfp_router_host_unknown", "a.test:$up",
            routes=routed("host_rewrite_literal: 'no.test:$up'")),
    forward("dfp_auto_host", "a.test:$up",
            routes=routed("auto_host_rewrite: true")),
    forward("dfp_ejected", "a.test:$up", "a.test:$up", "b.test:$up",
            fields="outlier_detection: {consecutive_5xx: 1, max_ejection_percent: 100}",
            up=Script([reply(503), reply(200)])),
    forward("dfp_ejected_without_filter", "a.test:$up", "a.test:$up", with_filter=False,
            fields="outlier_detection: {consecutive_5xx: 1, max_ejection_percent: 100}",
            up=Script([reply(503), reply(200)])),
    forward("dfp_absolute", steps=once(
        b"GET http://a.test:$up/x HTTP/1.1\r\nHost: no.test\r\n\r\n")),
    forward("dfp_no_host", steps=(
        *once(b"GET / HTTP/1.1\r\nHost:\r\n\r\n"), *once(b"GET / HTTP/1.1\r\n\r\n"))),
    forward("dfp_saves_address", "a.test:$up", in_filter="save_upstream_address: true",
            log=LOG.replace("host=", "saved=%FILTER_STATE(envoy.stream.upstream_address)% host=")),
    forward("dfp_state_host", "no.test", in_filter="allow_dynamic_host_from_filter_state: true",
            before=state("host", "a.test") + state("port", "$up")),
    forward("dfp_state_host_with_port", "no.test",
            in_filter="allow_dynamic_host_from_filter_state: true",
            before=state("host", "a.test:$up")),
    forward("dfp_state_port", "a.test", "a.test:$dead",
            in_filter="allow_dynamic_host_from_filter_state: true", before=state("port", "$up")),
    forward("dfp_state_not_allowed", "b.test:$dead",
            before=state("host", "a.test") + state("port", "$up")),
    forward("dfp_state_port_bad", "a.test:$up", before=state("port", "70000"),
            in_filter="allow_dynamic_host_from_filter_state: true"),
    forward("dfp_state_port_text", "a.test:$up", before=state("port", "http"),
            in_filter="allow_dynamic_host_from_filter_state: true"),
)  # fmt: skip
