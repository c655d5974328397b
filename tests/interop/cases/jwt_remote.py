"""The JWT filter: keys that it fetches, when, from whom, and what becomes of requests without."""

from __future__ import annotations

from tests.interop.cases.tls_upstream import socket
from tests.interop.jwt import VALID, bearer, judged, provider_of, rule
from tests.interop.model import Case, Differs, Drop, Step, Wait, Write
from tests.support.client import get, post
from tests.support.jwt_tokens import jwk, jwks, token
from tests.support.upstream import Answer, Close, Hold, Script, Sleep, TlsServer, raw, reply

KEYS = jwks(jwk("RSA")).encode()
GOOD = reply(body=KEYS)
SLOW = Answer((Sleep(0.5), *GOOD.actions))
OTHERS = reply(body=jwks(jwk("EC")).encode())
WITH = bearer(VALID)
ONCE = (WITH,)
RETRIES = "retry_policy: {num_retries: 1, retry_back_off: {base_interval: 0.01s, max_interval: 1s}}"
AHEAD = "async_fetch: {failed_refetch_duration: 0.2s}"
NO_BODY = "The second attempt to fetch keys has no body; Envoy sends an empty one in chunks"
ANY = rule("allow_missing_or_failed: {}")


def remote(fields: str = "", uri: str = "http://keys.test/jwks?a=b", timeout: str = "2s") -> str:
    """Where keys come from."""
    more = f", {fields}" if fields else ""
    return f"remote_jwks: {{http_uri: {{uri: '{uri}', cluster: $kc, timeout: {timeout}}}{more}}}"


def fetched(
    name: str,
    answers: tuple[Answer, ...],
    *steps: Step | bytes,
    source: str = "",
    of_provider: str = "",
    cluster: str = "hosts: [$keys]",
    tls: TlsServer | None = None,
    rules: str = "",
    differs: Differs | None = None,
) -> Case:
    """Requests whose keys come from an upstream with these answers."""
    return judged(
        f"remote_{name}",
        *(steps or (WITH, WITH)),
        providers=f"p: {provider_of(source or remote(), of_provider)}",
        rules=rules,
        clusters=f"[{{name: $be, hosts: [$up]}}, {{name: $kc, {cluster}}}]",
        upstreams={"up": Script([reply()]), "keys": Script(answers)},
        upstream_tls={"keys": tls} if tls else {},
        differs=differs,
        ignore_stats=r"\.ssl\.certificate\.",
    )


def secured(name: str, server: str) -> Case:
    """Keys over TLS, from a server with this certificate."""
    common = "validation_context: {trusted_ca: {filename: $certs/ca.pem}}"
    cluster = f"hosts: [$keys], transport_socket: {socket(common, 'sni: a.test')}"
    source = remote(uri="https://keys.test/jwks")
    return fetched(name, (GOOD,), cluster=cluster, tls=TlsServer(server), source=source)


CASES = (
    fetched("once", (GOOD,)),
    fetched("not_needed", (GOOD,), get("/x"), bearer("a.b.c"), bearer(token({"iss": "z"}))),
    fetched("bare_uri", (GOOD,), source=remote(uri="http://keys.test:81")),
    fetched("status", (reply(500, KEYS), GOOD)),
    fetched("status_206", (reply(206, KEYS),), *ONCE),
    fetched("empty", (reply(body=b""),), *ONCE),
    fetched("nonsense", (reply(body=b"{]"),), *ONCE),
    fetched("no_keys", (reply(body=b'{"keys": []}'),), *ONCE),
    fetched("other_keys", (OTHERS,), WITH, bearer(token(alg="ES256"))),
    fetched("broken", (Answer((Close(),)),), *ONCE),
    fetched("half", (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", Close()),), *ONCE),
    fetched("refused", (GOOD,), *ONCE, cluster="hosts: [$dead]"),
    fetched("silent", (Answer((Hold(),)),), *ONCE, source=remote(timeout="0.3s")),
    fetched("slow", (SLOW,), *ONCE),
    fetched("no_host", (GOOD,), *ONCE, cluster="hosts: []"),
    fetched("no_cluster", (GOOD,), *ONCE, source=remote().replace("$kc", "$none")),
    fetched("again", (reply(503), GOOD), *ONCE, source=remote(RETRIES, timeout="0s"),
            differs=Differs(NO_BODY, (200,))),
    fetched("again_in_vain", (reply(503),), *ONCE, source=remote(RETRIES, timeout="0s"),
            differs=Differs(NO_BODY, (401,))),
    fetched("not_kept", (GOOD,), source=remote("cache_duration: 0.001s")),
    fetched("kept", (GOOD, OTHERS), WITH, WITH, Wait(2.5), WITH,
            source=remote("cache_duration: 2s")),
    fetched("ahead", (GOOD,), source=remote("async_fetch: {}")),
    fetched("ahead_fast", (GOOD,), Wait(0.5), WITH,
            source=remote("async_fetch: {fast_listener: true}")),
    fetched("ahead_fails_first", (reply(503), GOOD), Wait(1.0), WITH, source=remote(AHEAD)),
    fetched("with_cache", (GOOD,), of_provider="jwt_cache_config: {}"),
    fetched("forwards", (GOOD,), *ONCE, of_provider="forward_payload_header: x-p,"
            " payload_in_metadata: a, claim_to_headers: [{header_name: x-s, claim_name: sub}]"),
    fetched("body", (SLOW,), post("/x", b"hello", headers=f"Authorization: Bearer {VALID}\r\n")),
    fetched("failed_status", (reply(500),), *ONCE, of_provider="failed_status_in_metadata: why"),
    fetched("any", (GOOD,), WITH, bearer("a.b.c"), get("/x"), rules=ANY),
    fetched("any_fails", (reply(500),), *ONCE, rules=ANY),
    secured("tls", "srv"),
    secured("tls_stranger", "stranger"),
    fetched("client_goes", (SLOW,), Write(WITH), Wait(0.2), Drop(), Wait(0.8), WITH,
            differs=Differs("A fetch goes on without the client whose request began it", (200,))),
)  # fmt: skip
