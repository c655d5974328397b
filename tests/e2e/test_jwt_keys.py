"""Keys of JSON web tokens that are fetched: one fetch is for the requests of all workers."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.conftest import ROUTER, bootstrap
from tests.support.client import Client, get
from tests.support.jwt_tokens import jwk, jwks, token
from tests.support.proxies import Proxy
from tests.support.upstream import Answer, Script, Sleep, Upstream, reply

JWT = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
KEYS = Answer((Sleep(0.5), *reply(body=jwks(jwk("RSA")).encode()).actions))


def filters() -> list[dict[str, object]]:
    """A filter whose keys the cluster `be` has, and the router."""
    uri = {"uri": "http://keys.test/jwks", "cluster": "be", "timeout": "5s"}
    config = {
        "@type": JWT,
        "providers": {"p": {"remote_jwks": {"http_uri": uri}}},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}],
    }
    return [
        {"name": "jwt", "typed_config": config},
        {"name": "router", "typed_config": {"@type": ROUTER}},
    ]


def test_all_workers_share_a_fetch(
    start: Callable[..., Proxy],
    upstream: Callable[[Script], Upstream],
    lease: Callable[[], int],
) -> None:
    server, port = upstream(Script([reply()], paths={"/jwks": [KEYS]})), lease()
    config = bootstrap(port, server.port, http_filters=filters())
    config["static_resources"]["listeners"][0]["connection_balance_config"] = {  # type: ignore[index]
        "exact_balance": {}
    }
    proxy = start(config, concurrency=2)
    clients = [Client(("127.0.0.1", port)) for _ in range(6)]
    for client in clients:
        client.send(get("/x", headers=f"Authorization: Bearer {token()}\r\n"))
    assert [client.read_response().status for client in clients] == [200] * 6
    for client in clients:
        client.close()
    paths = [request.head.start.split()[1] for request in server.requests]
    assert sorted(paths) == ["/jwks", *["/x"] * 6]
    stats = proxy.stats("filter=jwt_authn|worker_..downstream_cx_total")
    assert stats["http.in.jwt_authn.jwks_fetch_success"] == 1
    assert [value for name, value in stats.items() if "worker_" in name] == [3, 3]
