"""Hosts that requests name themselves: the policy override_host."""

from __future__ import annotations

from tests.interop.cases.aggregate_clusters import cluster, host
from tests.interop.filters import chain, typed
from tests.interop.model import Case, End, Read, Step, Write
from tests.support.client import get
from tests.support.upstream import Answer, Script, reply

POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies"
LOG = (
    "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% flags=%RESPONSE_FLAGS% host=%UPSTREAM_HOST%"
    " attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT%\n"
)
FALLBACK = (
    "{policies: [{typed_extension_config: {name: f, typed_config:"
    f" {{'@type': {POLICIES}.round_robin.v3.RoundRobin}}}}}}]}}"
)
BY_HEADER = "{header: x-host}"
BY_OTHER = "{header: x-other}"
BY_METADATA = "{metadata: {key: ns, path: [{key: a}, {key: b}]}}"
ONE = host("$one")
DOWN_TWO = host("$two", "health_status: UNHEALTHY")


def policy(*sources: str, fallback: str = FALLBACK) -> str:
    """The policy as a part of a cluster."""
    typed_config = (
        f"{{'@type': {POLICIES}.override_host.v3.OverrideHost,"
        f" override_host_sources: [{', '.join(sources)}], fallback_policy: {fallback}}}"
    )
    one = f"{{typed_extension_config: {{name: o, typed_config: {typed_config}}}}}"
    return f", load_balancing_policy: {{policies: [{one}]}}"


def overridden(
    name: str,
    headers: str,
    *,
    sources: tuple[str, ...] = (BY_HEADER,),
    hosts: tuple[str, ...] = (ONE, DOWN_TWO),
    more: str = "",
    action: str = "",
    fallback: str = FALLBACK,
    answers: dict[str, list[Answer]] | None = None,
    hcm: str = "",
    requests: int = 1,
    metadata: str = "",
) -> Case:
    """Requests with these headers to a cluster whose fallback goes to the host `one`."""
    steps: tuple[Step, ...] = (Write(get("/x", headers=headers)), Read())
    scripts = {up: Script([reply(200, up.encode())]) for up in ("one", "two", "three")}
    scripts |= {up: Script(script) for up, script in (answers or {}).items()}
    if metadata:
        set_metadata = f"metadata: [{{metadata_namespace: ns, value: {metadata}}}]"
        hcm = "http_filters: " + chain(typed("set_metadata.v3.Config", set_metadata))
    given = policy(*sources, fallback=fallback)
    return Case(
        name,
        (*steps * requests, End()),
        routes=f"[{{match: {{prefix: /}}, route: {{cluster: $be{action}}}}}]",
        clusters=f"[{cluster('$be', hosts, more=given + more)}]",
        upstreams=scripts,
        log_format=LOG,
        hcm=hcm,
    )


def names(port: str, header: str = "x-host", front: str = "127.0.0.1:") -> str:
    """A header that names a host."""
    return f"{header}: {front}{port}\r\n"


TWO = names("$two")
UNKNOWN = names("1")
RETRY = ", retry_policy: {retry_on: 5xx, num_retries: 2}"
FAIL = [reply(503, b"", reason="Service Unavailable")]
STATUS = ", common_lb_config: {override_host_status: {statuses: [%s]}}"

CASES = (
    overridden("override_none", ""),
    overridden("override_header", TWO, requests=2),
    overridden("override_healthy", TWO, hosts=(ONE, host("$two"))),
    overridden("override_degraded", TWO, hosts=(ONE, host("$two", "health_status: DEGRADED"))),
    overridden("override_draining", TWO, hosts=(ONE, host("$two", "health_status: DRAINING"))),
    overridden("override_status", TWO, more=STATUS % "HEALTHY"),
    overridden("override_empty", "x-host: \r\n"),
    overridden("override_no_port", names("", front="127.0.0.1")),
    overridden("override_malformed", names("", front="a,b")),
    overridden("override_unknown_host", UNKNOWN),
    overridden("override_list", names("1,127.0.0.1:$two")),
    overridden("override_list_with_spaces", names("1 , 127.0.0.1:$two")),
    overridden("override_list_first", names("$two,127.0.0.1:1")),
    overridden("override_repeated_header", UNKNOWN + TWO),
    overridden(
        "override_sources", UNKNOWN + names("$two", "x-other"), sources=(BY_HEADER, BY_OTHER)
    ),
    overridden("override_second_source", names("$two", "x-other"), sources=(BY_HEADER, BY_OTHER)),
    overridden(
        "override_metadata", "", sources=(BY_METADATA,), metadata="{a: {b: '127.0.0.1:$two'}}"
    ),
    overridden("override_metadata_number", "", sources=(BY_METADATA,), metadata="{a: {b: 1}}"),
    overridden("override_metadata_absent", "", sources=(BY_METADATA,), metadata="{a: {c: x}}"),
    overridden(
        "override_metadata_before_header",
        TWO,
        sources=(BY_METADATA, BY_HEADER),
        metadata="{a: {b: '127.0.0.1:$three'}}",
        hosts=(ONE, DOWN_TWO, host("$three", "health_status: UNHEALTHY")),
        more=", common_lb_config: {healthy_panic_threshold: {value: 0}}",
    ),
    overridden("override_retry", TWO, action=RETRY, answers={"two": FAIL}),
    overridden(
        "override_retry_list",
        names("$two,127.0.0.1:$three"),
        action=RETRY,
        answers={"two": FAIL, "three": FAIL},
        hosts=(ONE, DOWN_TWO, host("$three", "health_status: UNHEALTHY")),
        more=", common_lb_config: {healthy_panic_threshold: {value: 0}}",
    ),
    overridden(
        "override_retry_sources",
        TWO + names("$three", "x-other"),
        sources=(BY_HEADER, BY_OTHER),
        action=RETRY,
        answers={"two": FAIL, "three": FAIL},
        hosts=(ONE, DOWN_TWO, host("$three", "health_status: UNHEALTHY")),
        more=", common_lb_config: {healthy_panic_threshold: {value: 0}}",
    ),
    overridden("override_no_hosts", TWO, hosts=()),
    overridden(
        "override_over_hashing",
        TWO,
        fallback=FALLBACK.replace("round_robin.v3.RoundRobin", "ring_hash.v3.RingHash"),
    ),
    overridden(
        "override_falls_back_to_hashing",
        "",
        fallback=FALLBACK.replace("round_robin.v3.RoundRobin", "maglev.v3.Maglev"),
    ),
)
