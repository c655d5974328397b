"""Channels as `google_grpc` describes them.

Source: envoy/config/core/v3/grpc_service.proto, GrpcService.GoogleGrpc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.proxy.xds.data_source import read_data_source
from lateen.proxy.xds.target import Metadata, Option, TargetError, open_channel

if TYPE_CHECKING:
    import grpc.aio
    from envoy.config.core.v3.grpc_service_pb2 import GrpcService


class GoogleGrpcChannels:
    """Opens channels to `target_uri`.

    Raises:
        TargetError: credentials of a kind that is not there.
    """

    def __init__(self, config: GrpcService.GoogleGrpc) -> None:
        self._config = config
        self._options = _options(config)
        self.metadata = _call_metadata(config)
        if config.channel_credentials_plugin or config.call_credentials_plugin:
            raise TargetError("google_grpc: credentials plugins are not implemented")
        if config.channel_credentials.HasField("google_default"):
            raise TargetError("google_grpc: google_default credentials are not implemented")

    async def open(self) -> grpc.aio.Channel:
        """A channel.

        Raises:
            TargetError: a certificate or key cannot be read.
        """
        credentials = self._config.channel_credentials
        kind = credentials.WhichOneof("credential_specifier")
        found: grpc.ChannelCredentials | None = None
        if kind == "ssl_credentials":
            import grpc

            ssl = credentials.ssl_credentials
            found = grpc.ssl_channel_credentials(
                read_data_source(ssl.root_certs) or None,
                read_data_source(ssl.private_key) or None,
                read_data_source(ssl.cert_chain) or None,
            )
        elif kind == "local_credentials":
            import grpc

            found = grpc.local_channel_credentials(grpc.LocalConnectionType.LOCAL_TCP)
        return open_channel(self._config.target_uri, self._options, found)


def _options(config: GrpcService.GoogleGrpc) -> list[Option]:
    return [
        (key, value.string_value if value.HasField("string_value") else value.int_value)
        for key, value in config.channel_args.args.items()
    ]


def _call_metadata(config: GrpcService.GoogleGrpc) -> Metadata:
    """What call credentials come to: a token in a header.

    Raises:
        TargetError: call credentials of a kind that needs Google's services.
    """
    found: list[tuple[str, str | bytes]] = []
    for credentials in config.call_credentials:
        kind = credentials.WhichOneof("credential_specifier")
        if kind == "access_token":
            found.append(("authorization", f"Bearer {credentials.access_token}"))
        elif kind == "google_iam":
            iam = credentials.google_iam
            found.append(("x-goog-iam-authorization-token", iam.authorization_token))
            found.append(("x-goog-iam-authority-selector", iam.authority_selector))
        else:
            raise TargetError(f"google_grpc: call credentials {kind} are not implemented")
    return tuple(found)
