"""TLS contexts as they are known before their secrets: what to build, from what.

Source: DownstreamTlsContext and UpstreamTlsContext in
envoy/extensions/transport_sockets/tls/v3/tls.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, cast

from lateen.protos import worker_pb2
from lateen.proxy.compile.digest import digest
from lateen.proxy.compile.transport_sockets.downstream import compile_downstream
from lateen.proxy.compile.transport_sockets.upstream import compile_upstream

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource
    from envoy.extensions.transport_sockets.tls.v3 import tls_pb2 as envoy
    from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig, Secret
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext


class Side(Enum):
    """Whose TLS it is; the value is the message that configures it."""

    SERVER = "DownstreamTlsContext"
    CLIENT = "UpstreamTlsContext"


class SecretKey(NamedTuple):
    """A secret by its source, serialized, and its name."""

    source: bytes
    name: str


@dataclass(frozen=True)
class TlsPlan:
    """A TLS context to be built.

    Attributes:
        name: the same for the same configuration.
        side: whose it is.
        message: the configuration.
        at: where it is in its resource.
        secrets: what has to come by SDS before it can be built, with its source.
        context: the context, when nothing has to come; otherwise one that is not ready.
        block: the stats block of who uses it.
        alpn: the protocols to offer where the configuration names none.
    """

    name: str
    side: Side
    message: Message
    at: str
    secrets: Mapping[SecretKey, ConfigSource]
    context: worker_pb2.TlsContext
    block: int
    alpn: tuple[str, ...] = ()


def plan_context(
    ctx: CompileContext,
    message: Message,
    side: Side,
    block: int,
    at: str,
    alpn: tuple[str, ...] = (),
) -> TlsPlan:
    """Plans a context, and builds it at once unless secrets have to come first; known to `ctx`."""
    body = message.SerializeToString(deterministic=True) + ",".join(alpn).encode()
    name = f"{side.name.lower()}.{digest(body, size=16).hex()}"
    secrets = {key_of(config): config.sds_config for config in _dynamic(message)}
    context = worker_pb2.TlsContext(name=name, not_ready=bool(secrets))
    plan = TlsPlan(name, side, message, at, secrets, context, block, alpn)
    if not secrets:
        context.CopyFrom(build_context(ctx, plan, {}))
    ctx.tls.append(plan)
    return plan


def build_context(
    ctx: CompileContext, plan: TlsPlan, secrets: Mapping[SecretKey, Secret]
) -> worker_pb2.TlsContext:
    """A context, its files read and its secrets put in; what is wrong is reported."""

    def secret(config: SdsSecretConfig, where: str) -> Secret | None:
        if config.HasField("sds_config"):
            return secrets.get(key_of(config))
        found = ctx.secrets.get(config.name)
        if found is None:
            ctx.error(where, f"Unknown static secret: {config.name}")
        return found

    if plan.side is Side.SERVER:
        server = cast("envoy.DownstreamTlsContext", plan.message)
        context = compile_downstream(ctx, server, secret, plan.at)
    else:
        client = cast("envoy.UpstreamTlsContext", plan.message)
        context = compile_upstream(ctx, client, secret, plan.at)
    if not context.alpn_protocols:
        context.alpn_protocols.extend(plan.alpn)
    context.name = plan.name
    return context


def key_of(config: SdsSecretConfig) -> SecretKey:
    """What a reference to a secret refers to."""
    source = config.sds_config.SerializeToString(deterministic=True)
    return SecretKey(source, config.name)


def _dynamic(message: Message) -> Iterator[SdsSecretConfig]:
    """Every reference to a secret that comes by SDS."""
    context = cast("envoy.DownstreamTlsContext | envoy.UpstreamTlsContext", message)
    common = context.common_tls_context
    configs = [*common.tls_certificate_sds_secret_configs]
    kind = common.WhichOneof("validation_context_type")
    if kind == "validation_context_sds_secret_config":
        configs.append(common.validation_context_sds_secret_config)
    elif kind == "combined_validation_context":
        combined = common.combined_validation_context
        configs.append(combined.validation_context_sds_secret_config)
    if message.DESCRIPTOR.name == Side.SERVER.value:
        server = cast("envoy.DownstreamTlsContext", message)
        if server.HasField("session_ticket_keys_sds_secret_config"):
            configs.append(server.session_ticket_keys_sds_secret_config)
    return (config for config in configs if config.HasField("sds_config"))
