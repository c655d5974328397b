import base64
import struct

import yaml
from google.protobuf.any_pb2 import Any
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from lateen.proxy.compile.workload import Workload

NODE = """
id: me
metadata:
  NAME: web-1
  NAMESPACE: shop
  WORKLOAD_NAME: web
  CLUSTER_ID: c1
  OWNER: kubernetes://apis/apps/v1/namespaces/shop/deployments/web
  OTHER: thing
  LABELS:
    app: old
    app.kubernetes.io/name: web
    version: v1
    role: front
    service.istio.io/canonical-name: web-svc
    service.istio.io/canonical-revision: r1
locality: {region: north, zone: a}
"""
TOLD = {
    "NAME": "web-1",
    "NAMESPACE": "shop",
    "WORKLOAD_NAME": "web",
    "CLUSTER_ID": "c1",
    "OWNER": "kubernetes://apis/apps/v1/namespaces/shop/deployments/web",
    "LABELS": {
        "app": "web",
        "version": "v1",
        "service.istio.io/canonical-name": "web-svc",
        "service.istio.io/canonical-revision": "r1",
    },
}


def workload(node=NODE, labels=()):
    return Workload.of(yaml.safe_load(node), labels)


def told(header):
    return MessageToDict(Struct.FromString(base64.b64decode(header)))


def test_the_header_has_what_has_a_meaning():
    locality = {"REGION": "north", "AVAILABILITY_ZONE": "a"}
    assert told(workload().header()) == TOLD | locality
    with_role = told(workload(labels=["role", "app", "none"]).header())
    assert with_role["LABELS"] == TOLD["LABELS"] | {"role": "front"}


def test_the_greeting_of_a_connection():
    greeting = workload().greeting()
    magic, length = struct.unpack(">II", greeting[:8])
    assert (magic, length) == (0x3D230467, len(greeting) - 8)
    packed = Any.FromString(greeting[8:])
    assert packed.type_url == "type.googleapis.com/google.protobuf.Struct"
    assert MessageToDict(Struct.FromString(packed.value)) == {
        "x-envoy-peer-metadata": TOLD,
        "x-envoy-peer-metadata-id": "me",
    }


def test_baggage_leaves_out_what_is_the_same():
    assert workload().baggage() == (
        "k8s.deployment.name=web,service.name=web-svc,app.name=web,service.version=r1,"
        "app.version=v1,k8s.namespace.name=shop,k8s.cluster.name=c1,k8s.instance.name=web-1,"
        "cloud.region=north,cloud.availability_zone=a"
    )
    alone = workload("{metadata: {WORKLOAD_NAME: w, LABELS: {app: a}}}")
    assert alone.baggage() == "k8s.pod.name=w,service.name=a"


def test_a_node_that_says_nothing():
    assert told(workload("{}").header()) == {"LABELS": {}}
    assert Workload.of({}) == Workload()
    assert Workload.of({"metadata": {"NAME": 3, "LABELS": "text"}}) == Workload()
    assert workload("{}").baggage() == ""


def test_owners_of_other_kinds():
    def kind(owner, name):
        metadata = f"{{metadata: {{OWNER: '{owner}', WORKLOAD_NAME: {name}}}}}"
        return workload(metadata).kind

    assert kind("kubernetes://apis/apps/v1/namespaces/n/jobs/x", "x") == "job"
    assert kind("kubernetes://apis/apps/v1/namespaces/n/replicasets/x", "x") == ""
    assert kind("x", "longer") == ""
