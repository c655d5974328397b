"""Gateways and virtual services as manifests, for tests."""

from __future__ import annotations

import base64

from tests.support.tls_files import tls_files

HTTP = "{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.test]}"
TCP = "{port: {number: 80, name: tcp, protocol: TCP}, hosts: ['*']}"
GRPC = "{port: {number: 80, name: grpc, protocol: GRPC}, hosts: [a.test]}"
REDIRECT = (
    "{port: {number: 80, name: plain, protocol: HTTP}, hosts: [a.test], tls: {httpsRedirect: true}}"
)
PASSED_ON = ("PASSTHROUGH", "AUTO_PASSTHROUGH")


def https(
    name="https", host="a.test", mode="SIMPLE", number=443, protocol="HTTPS", bind="", tls=""
):
    """A server of TLS; `tls` are further fields of its settings."""
    credential = "" if mode in PASSED_ON or tls else ", credentialName: c"
    at = f"bind: {bind}, " if bind else ""
    return (
        f"{{port: {{number: {number}, name: {name}, protocol: {protocol}}}, hosts: ['{host}'], "
        f"{at}tls: {{mode: {mode}{credential}{tls}}}}}"
    )


def gateway(*servers, name="gw", namespace="edge", selector="{istio: ingress}"):
    """A Gateway of these servers."""
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {selector}, servers: [{", ".join(servers)}]}}
"""


TO_A = "{route: [{destination: {host: a}}]}"


def virtual_service(
    http=TO_A, hosts="[a.test]", name="vs", gateways="[edge/gw]", more="", created="2026-01-01"
):
    """A virtual service of the namespace `shop`."""
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: shop, creationTimestamp: '{created}T00:00:00Z'}}
spec: {{hosts: {hosts}, gateways: {gateways}, http: [{http}]{more}}}
"""


def secret(name, namespace="edge", kind="kubernetes.io/tls", **entries):
    """A Secret with files of `tests.support.tls_files`."""
    data = "".join(f"  {entry}: {_encoded(file)}\n" for entry, file in entries.items())
    head = (
        f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
    )
    return f"{head}type: {kind}\ndata:\n{data}"


def pair(name):
    """A certificate and its key, as entries of a Secret."""
    return {"tls.crt": f"{name}.pem", "tls.key": f"{name}.key"}


def _encoded(file):
    return base64.b64encode((tls_files() / file).read_bytes()).decode()
