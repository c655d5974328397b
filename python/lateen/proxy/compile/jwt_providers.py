"""Providers of JSON web tokens: whose tokens are taken, from where, and what becomes of them.

Source: JwtProvider in envoy/extensions/filters/http/jwt_authn/v3/config.proto; errors as in Envoy
1.40. Whether local keys are any is found out where all keys are read, in the workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import JwtClaimHeader, JwtHeader, JwtProvider, RemoteJwks
from lateen.proxy.compile.data_source import read_data_source
from lateen.proxy.compile.matchers import compile_string
from lateen.proxy.compile.service_client import CORE_RETRY_POLICY, compile_http_client
from lateen.proxy.compile.values import milliseconds

if TYPE_CHECKING:
    from envoy.extensions.filters.http.jwt_authn.v3 import config_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.extensions.filters.http.jwt_authn.v3"

SUPPORT = (
    whole(f"{_PACKAGE}.JwtProvider"),
    whole(f"{_PACKAGE}.JwtProvider.NormalizePayload"),
    whole(f"{_PACKAGE}.JwtHeader"),
    whole(f"{_PACKAGE}.JwtClaimToHeader"),
    whole(f"{_PACKAGE}.JwtClaimToHeader.PathSegment"),
    whole(f"{_PACKAGE}.JwtCacheConfig"),
    whole(f"{_PACKAGE}.JwksAsyncFetch"),
    Fields(
        f"{_PACKAGE}.RemoteJwks",
        implemented="http_uri cache_duration async_fetch retry_policy",
        within={"retry_policy": CORE_RETRY_POLICY},
    ),
)

_CLOCK_SKEW_S = 60
_CACHED_TOKENS = 100
_LONGEST_CACHED_TOKEN = 4096
_CACHE_DURATION_MS = 600_000
# Half of what 64 bits hold in nanoseconds.
_LONGEST_CACHE_S = 4_611_686_018
_REFETCH_AFTER_FAILURE_MS = 1000
_RETRY_ON = "5xx,gateway-error,connect-failure,reset"


def compile_provider(
    ctx: CompileContext, name: str, provider: envoy.JwtProvider, at: str
) -> JwtProvider:
    """One provider, with what it does not say filled in."""
    compiled = JwtProvider(
        name=name,
        issuer=provider.issuer,
        audiences=provider.audiences,
        require_expiration=provider.require_expiration,
        clock_skew_s=provider.clock_skew_seconds or _CLOCK_SKEW_S,
        forward=provider.forward,
        payload_header=provider.forward_payload_header.lower(),
        pads_payload_header=provider.pad_forward_payload_header,
        claim_headers=[
            _claim_header(ctx, name, claim, f"{at}.claim_to_headers[{index}]")
            for index, claim in enumerate(provider.claim_to_headers)
        ],
        payload_key=provider.payload_in_metadata,
        header_key=provider.header_in_metadata,
        failure_key=provider.failed_status_in_metadata,
        space_delimited_claims=provider.normalize_payload_in_metadata.space_delimited_claims,
        clear_route_cache=provider.clear_route_cache,
        cached_tokens=provider.jwt_cache_config.jwt_cache_size or _CACHED_TOKENS,
        longest_cached_token=provider.jwt_cache_config.jwt_max_token_size or _LONGEST_CACHED_TOKEN,
        counts_cached_tokens=provider.HasField("jwt_cache_config"),
    )
    if provider.HasField("subjects"):
        subjects = compile_string(ctx, provider.subjects, f"{at}.subjects")
        compiled.subjects.CopyFrom(subjects)
    if provider.HasField("max_lifetime"):
        compiled.max_lifetime_ms = milliseconds(provider.max_lifetime)
    _locate(provider, compiled)
    if provider.HasField("remote_jwks"):
        compiled.remote.CopyFrom(_remote(ctx, name, provider.remote_jwks, f"{at}.remote_jwks"))
    else:
        compiled.local = read_data_source(ctx, provider.local_jwks, f"{at}.local_jwks")
    return compiled


def _locate(provider: envoy.JwtProvider, out: JwtProvider) -> None:
    """Where its tokens are; where RFC 6750 puts them if it does not say."""
    out.headers.extend(
        JwtHeader(name=header.name.lower(), value_prefix=header.value_prefix)
        for header in provider.from_headers
    )
    out.parameters.extend(provider.from_params)
    out.cookies.extend(provider.from_cookies)
    if not (out.headers or out.parameters or out.cookies):
        out.headers.add(name="authorization", value_prefix="Bearer ")
        out.parameters.append("access_token")


def _claim_header(
    ctx: CompileContext, name: str, claim: envoy.JwtClaimToHeader, at: str
) -> JwtClaimHeader:
    if bool(claim.claim_name) == bool(claim.claim_path):
        reason = (
            f"Provider '{name}' has a claim_to_headers entry for header '{claim.header_name}'"
            " which does not set exactly one of claim_name and claim_path"
        )
        ctx.error(at, reason)
    path = [segment.key for segment in claim.claim_path] or claim.claim_name.split(".")
    return JwtClaimHeader(header=claim.header_name.lower(), path=path)


def _remote(ctx: CompileContext, name: str, remote: envoy.RemoteJwks, at: str) -> RemoteJwks:
    uri = remote.http_uri.uri
    if not _is_uri(uri):
        ctx.error(f"{at}.http_uri.uri", f"Provider '{name}' has an invalid URI: '{uri}'")
    scheme, _, rest = uri.partition("://")
    authority, _, path = rest.partition("/")
    if remote.cache_duration.seconds > _LONGEST_CACHE_S:
        reason = f"it must be at most {_LONGEST_CACHE_S}s"
        ctx.error(f"{at}.cache_duration", reason)
    policy = remote.retry_policy if remote.HasField("retry_policy") else None
    client = compile_http_client(ctx, remote.http_uri, policy, at, _RETRY_ON)
    client.forwarded_for = True
    compiled = RemoteJwks(
        client=client,
        scheme=scheme,
        authority=authority,
        path=f"/{path}",
        cache_duration_ms=_CACHE_DURATION_MS,
    )
    if remote.HasField("cache_duration"):
        compiled.cache_duration_ms = milliseconds(remote.cache_duration)
    if remote.HasField("async_fetch"):
        pause = remote.async_fetch
        compiled.refetch_after_failure_ms = (
            milliseconds(pause.failed_refetch_duration)
            if pause.HasField("failed_refetch_duration")
            else _REFETCH_AFTER_FAILURE_MS
        )
    return compiled


def _is_uri(uri: str) -> bool:
    """Whether it has a scheme, a host and, if any, a port that is a number."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.scheme and parts.hostname)
