"""Secrets in files (SDS with a path), for the connection to a control plane itself.

They are read anew at each attempt to connect: a certificate that was replaced counts from the next.

Source: envoy/extensions/transport_sockets/tls/v3/secret.proto; Envoy docs, "Secret discovery
service (SDS)", key rotation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lateen.protos import envoy_types
from lateen.proxy.xds.document import DocumentError, read_document
from lateen.proxy.xds.target import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envoy.config.core.v3.config_source_pb2 import ConfigSource
    from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig, Secret
    from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import (
        CommonTlsContext,
        UpstreamTlsContext,
    )

_SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret"


def check_secrets(context: CommonTlsContext, cluster: str) -> None:
    """Refuses secrets that do not come from files.

    Raises:
        TargetError: there are some.
    """
    for each in _configs(context):
        if not _path(each.sds_config):
            raise TargetError(
                f"cluster '{cluster}': secret '{each.name}' of a control plane's own connection"
                " can come from a file alone; use a path_config_source in its sds_config"
            )


def with_secrets(context: UpstreamTlsContext) -> UpstreamTlsContext:
    """The context with its secrets in it; the same one if it names none.

    Raises:
        TargetError: one cannot be read.
    """
    if not any(_configs(context.common_tls_context)):
        return context
    filled = type(context)()
    filled.CopyFrom(context)
    inner = filled.common_tls_context
    for each in inner.tls_certificate_sds_secret_configs:
        inner.tls_certificates.add().CopyFrom(_read(each).tls_certificate)
    del inner.tls_certificate_sds_secret_configs[:]
    if inner.HasField("validation_context_sds_secret_config"):
        secret = _read(inner.validation_context_sds_secret_config)
        inner.validation_context.CopyFrom(secret.validation_context)
    combined = inner.combined_validation_context
    if combined.HasField("validation_context_sds_secret_config"):
        secret = _read(combined.validation_context_sds_secret_config)
        combined.default_validation_context.MergeFrom(secret.validation_context)
        combined.ClearField("validation_context_sds_secret_config")
    return filled


def _configs(context: CommonTlsContext) -> Iterator[SdsSecretConfig]:
    yield from context.tls_certificate_sds_secret_configs
    if context.HasField("validation_context_sds_secret_config"):
        yield context.validation_context_sds_secret_config
    combined = context.combined_validation_context
    if combined.HasField("validation_context_sds_secret_config"):
        yield combined.validation_context_sds_secret_config


def _path(source: ConfigSource) -> str:
    return source.path_config_source.path or source.path


def _read(config: SdsSecretConfig) -> Secret:
    path = _path(config.sds_config)
    try:
        resources = read_document(path).response.resources
    except DocumentError as error:
        raise TargetError(f"secret '{config.name}': {error}") from None
    secret = cast("Secret", envoy_types().message_class(_SECRET)())
    for each in resources:
        if each.name == config.name and each.type_url.endswith(f"/{_SECRET}"):
            secret.MergeFromString(each.body or b"")
            return secret
    raise TargetError(f"secret '{config.name}' is not in {path}")
