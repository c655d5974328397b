"""What Istio's proxies say of the workload that they serve: parts of the node's metadata.

Source: contrib/istio/filters/common/source/metadata_object.h of Envoy.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.struct_pb2 import Struct

from lateen.protos import worker_pb2

if TYPE_CHECKING:
    from lateen.proxy.compile.values import JsonValue

_CANONICAL_NAME = "service.istio.io/canonical-name"
_CANONICAL_REVISION = "service.istio.io/canonical-revision"
_NAME = "app.kubernetes.io/name"
_VERSION = "app.kubernetes.io/version"
_KINDS = ("pod", "deployment", "job", "cronjob")
_OWNERS = "kubernetes://apis/apps/v1/namespaces/"

# Before what a side of a connection says of itself: this number, and how long it is.
_MAGIC = 0x3D230467
_METADATA = "x-envoy-peer-metadata"
_ID = "x-envoy-peer-metadata-id"


@dataclass(frozen=True)
class Workload:
    """A workload; what its node does not say is empty.

    Attributes:
        node_id: the identifier of its proxy.
        istio_version: that its proxy is told to be of.
        labels: those that are told beside the ones with a meaning of their own.
    """

    node_id: str = ""
    instance: str = ""
    namespace: str = ""
    name: str = ""
    cluster: str = ""
    identity: str = ""
    kind: str = ""
    canonical_name: str = ""
    canonical_revision: str = ""
    app: str = ""
    version: str = ""
    region: str = ""
    zone: str = ""
    istio_version: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, node: Mapping[str, JsonValue], additional_labels: Collection[str] = ()) -> Workload:
        """The workload of a node, with some more of its labels."""
        metadata, locality = _fields(node, "metadata"), _fields(node, "locality")
        labels = _fields(metadata, "LABELS")
        name = _text(metadata, "WORKLOAD_NAME")
        known = {_CANONICAL_NAME, _CANONICAL_REVISION, _NAME, "app", _VERSION, "version"}
        return cls(
            node_id=_text(node, "id"),
            instance=_text(metadata, "NAME"),
            namespace=_text(metadata, "NAMESPACE"),
            name=name,
            cluster=_text(metadata, "CLUSTER_ID"),
            identity=_text(metadata, "IDENTITY"),
            kind=_kind(_text(metadata, "OWNER"), name),
            canonical_name=_text(labels, _CANONICAL_NAME),
            canonical_revision=_text(labels, _CANONICAL_REVISION),
            app=_text(labels, _NAME if _NAME in labels else "app"),
            version=_text(labels, _VERSION if _VERSION in labels else "version"),
            region=_text(metadata, "REGION") or _text(locality, "region"),
            zone=_text(metadata, "AVAILABILITY_ZONE") or _text(locality, "zone"),
            istio_version=_text(metadata, "ISTIO_VERSION"),
            labels={
                label: _text(labels, label)
                for label in additional_labels
                if label in labels and label not in known
            },
        )

    def header(self) -> str:
        """The value of x-envoy-peer-metadata."""
        metadata = self._struct(with_locality=True)
        return base64.b64encode(metadata.SerializeToString(deterministic=True)).decode()

    def greeting(self) -> bytes:
        """What a side of a connection says before its first byte."""
        said = Struct()
        said.fields[_METADATA].struct_value.CopyFrom(self._struct(with_locality=False))
        if self.node_id:
            said.fields[_ID].string_value = self.node_id
        packed = PackedAny(
            type_url="type.googleapis.com/google.protobuf.Struct",
            value=said.SerializeToString(deterministic=True),
        ).SerializeToString()
        return _MAGIC.to_bytes(4, "big") + len(packed).to_bytes(4, "big") + packed

    def baggage(self) -> str:
        """The value of the header baggage. What is the same as the service's is left out."""
        service = self.canonical_name or self.app
        revision = self.canonical_revision or self.version
        parts = (
            (f"k8s.{self.kind or 'pod'}.name", self.name),
            ("service.name", service),
            ("app.name", self.app if self.app != service else ""),
            ("service.version", revision),
            ("app.version", self.version if self.version != revision else ""),
            ("k8s.namespace.name", self.namespace),
            ("k8s.cluster.name", self.cluster),
            ("k8s.instance.name", self.instance),
            ("cloud.region", self.region),
            ("cloud.availability_zone", self.zone),
        )
        return ",".join(f"{key}={value}" for key, value in parts if value)

    def for_metrics(self) -> worker_pb2.IstioStatsFilter.Workload:
        """The tags of this side of a metric."""
        return worker_pb2.IstioStatsFilter.Workload(
            name=self.name,
            namespace=self.namespace,
            cluster=self.cluster,
            canonical_name=self.canonical_name,
            canonical_revision=self.canonical_revision,
            app=self.app,
            version=self.version,
        )

    def _struct(self, *, with_locality: bool) -> Struct:
        owner = f"{_OWNERS}{self.namespace}/{self.kind}s/{self.name}" if self.kind else ""
        fields = {
            "NAME": self.instance,
            "NAMESPACE": self.namespace,
            "WORKLOAD_NAME": self.name,
            "CLUSTER_ID": self.cluster,
            "IDENTITY": self.identity,
            "OWNER": owner,
        }
        if with_locality:
            fields |= {"REGION": self.region, "AVAILABILITY_ZONE": self.zone}
        labels = {
            _CANONICAL_NAME: self.canonical_name,
            _CANONICAL_REVISION: self.canonical_revision,
            "app": self.app,
            "version": self.version,
        }
        metadata = Struct()
        for key, value in fields.items():
            if value:
                metadata.fields[key].string_value = value
        metadata.fields["LABELS"].struct_value.SetInParent()
        told = metadata.fields["LABELS"].struct_value
        for key, value in ({k: v for k, v in labels.items() if v} | self.labels).items():
            told.fields[key].string_value = value
        return metadata


def _fields(of: Mapping[str, JsonValue], key: str) -> Mapping[str, JsonValue]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}


def _text(of: Mapping[str, JsonValue], key: str) -> str:
    value = of.get(key)
    return value if isinstance(value, str) else ""


def _kind(owner: str, workload: str) -> str:
    """`deployment`, of an owner `kubernetes://apis/apps/v1/namespaces/NS/deployments/WORKLOAD`."""
    kind = owner[: max(len(owner) - len(workload) - 2, 0)].rpartition("/")[2]
    return kind if kind in _KINDS else ""
