"""Messages of the discovery service, and requests as a control plane of tests saw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import Message

from lateen.protos import envoy_types


def message(name: str) -> type[Message]:
    """A message class of Envoy's API, such as `envoy.config.cluster.v3.Cluster`."""
    return envoy_types().message_class(name)


def pack(body: Message) -> Message:
    """A message in an Any."""
    packed = message("google.protobuf.Any")()
    packed.type_url = f"type.googleapis.com/{body.DESCRIPTOR.full_name}"
    packed.value = body.SerializeToString(deterministic=True)
    return packed


@dataclass(frozen=True)
class Seen:
    """A request that came.

    Attributes:
        stream: its number, from 1.
        method: the gRPC method, such as `/SERVICE/StreamAggregatedResources`.
        delta: whether `request` is a DeltaDiscoveryRequest.
        metadata: of the stream.
        at: time.monotonic() when it came.
    """

    stream: int
    method: str
    delta: bool
    request: Message
    metadata: Mapping[str, str]
    at: float

    @property
    def type_url(self) -> str:
        """What it asks for."""
        return self.request.type_url

    @property
    def nonce(self) -> str:
        """What it answers to; "" for none."""
        return self.request.response_nonce

    @property
    def error(self) -> str:
        """The text of a NACK; "" without one."""
        return self.request.error_detail.message

    @property
    def kind(self) -> str:
        """`ask`, `ack` or `nack`."""
        if self.request.HasField("error_detail"):
            return "nack"
        return "ack" if self.nonce else "ask"

    @property
    def line(self) -> str:
        """Stream, kind, type and what else it says, in one line."""
        kind = self.type_url.rpartition(".")[2]
        return " ".join([str(self.stream), self.kind, kind, self._detail()]).strip()

    def _detail(self) -> str:
        request = self.request
        if self.delta:
            parts = [
                *(f"+{name}" for name in request.resource_names_subscribe),
                *(f"-{name}" for name in request.resource_names_unsubscribe),
                *(f"{k}={v}" for k, v in sorted(request.initial_resource_versions.items())),
            ]
        else:
            parts = [request.version_info, *request.resource_names]
        return " ".join([*filter(None, parts), self.error]).strip()
