"""envoy.filters.http.ext_authz

Source: envoy/extensions/filters/http/ext_authz/v3/ext_authz.proto; Envoy docs, "External
Authorization"; errors as in Envoy 1.40.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import (
    AuthzBody,
    AuthzOfRoute,
    AuthzService,
    ExtAuthzFilter,
    FilterOverride,
    HeaderMutationPermissions,
    HttpFilter,
    NameList,
    StringMatch,
)
from lateen.proxy.compile.authz_service import (
    GRPC_TIMEOUT_MS,
    compile_http_service,
    name_list,
    request_headers,
)
from lateen.proxy.compile.matchers import compile_regex
from lateen.proxy.compile.metadata_value import METADATA_MATCHER, compile_metadata_matcher
from lateen.proxy.compile.registry import HttpExtension, Override
from lateen.proxy.compile.service_client import GRPC_SERVICE, compile_grpc_client
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.token_bucket import compile_runtime_flag
from lateen.proxy.compile.values import enum_name, runtime_fraction

if TYPE_CHECKING:
    from envoy.config.common.mutation_rules.v3.mutation_rules_pb2 import HeaderMutationRules
    from envoy.extensions.filters.http.ext_authz.v3 import ext_authz_pb2 as envoy
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_PACKAGE = "envoy.extensions.filters.http.ext_authz.v3"
_RULES = "envoy.config.common.mutation_rules.v3.HeaderMutationRules"

SUPPORT = (
    Fields(
        f"{_PACKAGE}.ExtAuthz",
        implemented="""
            grpc_service http_service transport_api_version failure_mode_allow
            failure_mode_allow_header_add with_request_body clear_route_cache
            clear_route_cache_headers status_on_error validate_mutations
            metadata_context_namespaces route_metadata_context_namespaces filter_enabled
            filter_enabled_metadata deny_at_disable include_peer_certificate include_tls_session
            stat_prefix allowed_headers disallowed_headers charge_cluster_response_stats
            encode_raw_headers decoder_header_mutation_rules enable_dynamic_metadata_ingestion
            max_denied_response_body_bytes emit_client_span
        """,
        harmless={
            "typed_metadata_context_namespaces": "no filter here gives requests typed metadata",
        },
        rejected={
            "route_typed_metadata_context_namespaces": "use route_metadata_context_namespaces",
            "bootstrap_metadata_labels_key": "the service is told no labels",
            "shadow_mode": "deny nothing in the service, or use filter_enabled",
        },
        category="envoy.filters.http",
        within={"grpc_service": GRPC_SERVICE, "filter_enabled_metadata": METADATA_MATCHER},
    ),
    whole(f"{_PACKAGE}.BufferSettings"),
    whole(f"{_PACKAGE}.ExtAuthzPerRoute", category="envoy.filters.http"),
    Fields(
        f"{_PACKAGE}.CheckSettings",
        implemented="""
            context_extensions disable_request_body_buffering with_request_body grpc_service
            http_service emit_client_span
        """,
        within={"grpc_service": GRPC_SERVICE},
    ),
    whole(_RULES),
)

_FORBIDDEN = 403


def compile_ext_authz(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter that asks a service whether a request may pass."""
    config: envoy.ExtAuthz = message  # type: ignore[assignment]
    name = f"ext_authz.{config.stat_prefix}" if config.stat_prefix else "ext_authz"
    _check_version(ctx, config, at)
    charges = config.charge_cluster_response_stats
    ingests = config.enable_dynamic_metadata_ingestion
    compiled = ExtAuthzFilter(
        stats_block=owner.block(ctx.blocks, BlockKind.EXT_AUTHZ, name),
        cluster_stats=name,
        body_as_bytes=config.with_request_body.pack_as_bytes,
        status_on_error=config.status_on_error.code or _FORBIDDEN,
        failure_mode_allow=config.failure_mode_allow,
        failure_mode_allow_header=config.failure_mode_allow_header_add,
        clear_route_cache=config.clear_route_cache,
        clear_route_cache_headers=config.clear_route_cache_headers,
        validate_query=config.validate_mutations,
        raw_headers=config.encode_raw_headers,
        peer_certificate=config.include_peer_certificate,
        tls_session=config.include_tls_session,
        metadata_namespaces=config.metadata_context_namespaces,
        route_metadata_namespaces=config.route_metadata_context_namespaces,
        ignores_dynamic_metadata=(
            config.HasField("enable_dynamic_metadata_ingestion") and not ingests.value
        ),
        charges_cluster=not config.HasField("charge_cluster_response_stats") or charges.value,
        max_body_bytes=config.max_denied_response_body_bytes,
        unsampled=config.HasField("emit_client_span") and not config.emit_client_span.value,
    )
    service = _service(ctx, config, at)
    if service is None:
        ctx.error(at, "a service is needed: grpc_service or http_service")
    else:
        compiled.service.CopyFrom(service)
    _compile_conditions(ctx, config, compiled, at)
    _compile_headers(ctx, config, compiled, at)
    return HttpFilter(ext_authz=compiled)


def _check_version(ctx: CompileContext, config: envoy.ExtAuthz, at: str) -> None:
    version = enum_name(config, "transport_api_version")
    if version not in ("AUTO", "V3"):
        ctx.unimplemented(f"{at}.transport_api_version", version, "V3")


def _service(
    ctx: CompileContext, config: envoy.ExtAuthz | envoy.CheckSettings, at: str
) -> AuthzService | None:
    if config.HasField("grpc_service"):
        where = f"{at}.grpc_service"
        client = compile_grpc_client(ctx, config.grpc_service, GRPC_TIMEOUT_MS, where)
        return AuthzService(grpc=client)
    if config.HasField("http_service"):
        where = f"{at}.http_service"
        return AuthzService(http=compile_http_service(ctx, config.http_service, where))
    return None


def _compile_conditions(
    ctx: CompileContext, config: envoy.ExtAuthz, out: ExtAuthzFilter, at: str
) -> None:
    if config.HasField("with_request_body"):
        out.body.CopyFrom(_body(config.with_request_body))
    if config.HasField("filter_enabled"):
        out.enabled.CopyFrom(runtime_fraction(config.filter_enabled))
    if config.HasField("filter_enabled_metadata"):
        where = f"{at}.filter_enabled_metadata"
        matcher = compile_metadata_matcher(ctx, config.filter_enabled_metadata, where)
        out.enabled_metadata.CopyFrom(matcher)
    if config.HasField("deny_at_disable"):
        out.deny_at_disable.CopyFrom(compile_runtime_flag(config.deny_at_disable))


def _body(settings: envoy.BufferSettings) -> AuthzBody:
    return AuthzBody(
        max_bytes=settings.max_request_bytes, allow_partial=settings.allow_partial_message
    )


def _compile_headers(
    ctx: CompileContext, config: envoy.ExtAuthz, out: ExtAuthzFilter, at: str
) -> None:
    allowed = _allowed_headers(ctx, config, at)
    if allowed is not None:
        out.allowed_headers.CopyFrom(allowed)
    if config.HasField("disallowed_headers"):
        where = f"{at}.disallowed_headers"
        out.disallowed_headers.CopyFrom(name_list(ctx, config.disallowed_headers, where))
    if config.HasField("decoder_header_mutation_rules"):
        where = f"{at}.decoder_header_mutation_rules"
        rules = _permissions(ctx, config.decoder_header_mutation_rules, where)
        out.permissions.CopyFrom(rules)


def _allowed_headers(ctx: CompileContext, config: envoy.ExtAuthz, at: str) -> NameList | None:
    """None: the service is told of all headers."""
    of_service = config.http_service.authorization_request
    if config.HasField("allowed_headers") and of_service.HasField("allowed_headers"):
        ctx.error(f"{at}.allowed_headers", "Invalid duplicate configuration for allowed_headers.")
    if config.HasField("http_service"):
        where = f"{at}.http_service.authorization_request"
        if not of_service.HasField("allowed_headers"):
            return request_headers(ctx, config.allowed_headers, f"{at}.allowed_headers")
        return request_headers(ctx, of_service.allowed_headers, f"{where}.allowed_headers")
    if config.HasField("allowed_headers"):
        return name_list(ctx, config.allowed_headers, f"{at}.allowed_headers")
    return None


def _permissions(
    ctx: CompileContext, rules: HeaderMutationRules, at: str
) -> HeaderMutationPermissions:
    compiled = HeaderMutationPermissions(
        allow_all_routing=rules.allow_all_routing.value,
        allow_envoy=rules.allow_envoy.value,
        disallow_system=rules.disallow_system.value,
        disallow_all=rules.disallow_all.value,
        disallow_is_error=rules.disallow_is_error.value,
    )
    if rules.HasField("allow_expression"):
        regex = compile_regex(ctx, rules.allow_expression, f"{at}.allow_expression")
        compiled.allow_expression.CopyFrom(StringMatch(regex=regex))
    if rules.HasField("disallow_expression"):
        regex = compile_regex(ctx, rules.disallow_expression, f"{at}.disallow_expression")
        compiled.disallow_expression.CopyFrom(StringMatch(regex=regex))
    return compiled


def compile_ext_authz_override(
    ctx: CompileContext, message: Message, out: FilterOverride, at: str
) -> None:
    """What a route says of the question: whether it is asked, whom, and with what."""
    config: envoy.ExtAuthzPerRoute = message  # type: ignore[assignment]
    settings = config.check_settings
    where = f"{at}.check_settings"
    if settings.disable_request_body_buffering and settings.HasField("with_request_body"):
        reason = (
            "Invalid configuration for check_settings. Only one of disable_request_body_buffering"
            " or with_request_body can be set."
        )
        ctx.error(where, reason)
    out.ext_authz.CopyFrom(
        AuthzOfRoute(
            disabled=config.disabled,
            context_extensions=settings.context_extensions,
            without_body=settings.disable_request_body_buffering,
            service=_service(ctx, settings, where),
        )
    )
    if settings.HasField("emit_client_span"):
        out.ext_authz.unsampled = not settings.emit_client_span.value
    if settings.HasField("with_request_body"):
        out.ext_authz.body.CopyFrom(_body(settings.with_request_body))


EXTENSION = HttpExtension(
    "envoy.filters.http.ext_authz",
    f"{_PACKAGE}.ExtAuthz",
    compile_ext_authz,
    SUPPORT,
    Override(f"{_PACKAGE}.ExtAuthzPerRoute", compile_ext_authz_override),
)
