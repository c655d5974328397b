"""What gateways are sent is accepted by the real Envoy."""

import pytest

from lateen.control.offline import translate
from tests.support.accepted import refusal
from tests.support.gateways import GRPC, HTTP, REDIRECT, TCP, gateway, https, virtual_service
from tests.support.mesh import mesh_of, router

SERVICES = """\
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 80}, {name: tls, port: 443}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out, namespace: shop}
spec: {hosts: [out.com], ports: [{number: 443, name: h, protocol: HTTP}], resolution: DNS}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: out, namespace: shop}
spec:
  host: out.com
  trafficPolicy: {tls: {mode: MUTUAL, credentialName: c, sni: out.com}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: a, namespace: edge}
spec: {rules: [{to: [{operation: {ports: ['80'], paths: [/a]}}]}]}
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: r, namespace: edge}
spec: {jwtRules: [{issuer: one, jwksUri: 'https://out.com/keys'}]}
"""
ROUTES = virtual_service(
    "{match: [{uri: {prefix: /out}}], route: [{destination: {host: out.com}}]}, "
    "{route: [{destination: {host: a}}], timeout: 5s, retries: {attempts: 1}}",
    hosts="['*.test', a.com]",
    more=", tcp: [{match: [{port: 90}], route: [{destination: {host: a}}]}]"
    ", tls: [{match: [{sniHosts: ['*.p.test', p.test]}], route: [{destination: {host: a}}]}]",
)
FILES = ", serverCertificate: /c.pem, privateKey: /k.pem, caCertificates: /ca.pem"
LIMITS = ", credentialName: c, minProtocolVersion: TLSV1_2, cipherSuites: [AES128-SHA, NO-SUCH]"


EVERYTHING = HTTP.replace("[a.test]", "['*']")
PASSED_ON = https("passed", "*.test", "PASSTHROUGH", protocol="TLS")


@pytest.mark.oracle
@pytest.mark.parametrize(
    "servers",
    [
        (EVERYTHING, GRPC),
        (REDIRECT,),
        (TCP.replace("80", "90"),),
        (https(), https("more", "b.test", "MUTUAL"), https("all", "*", "OPTIONAL_MUTUAL")),
        (https(mode="ISTIO_MUTUAL", tls=" "), https("two", "b.test", "ISTIO_MUTUAL", tls=" ")),
        (https(mode="MUTUAL", tls=FILES), https("more", "b.test", tls=LIMITS)),
        (https(host="*"), PASSED_ON, EVERYTHING.replace("80", "443")),
    ],
    ids=["HTTP", "redirect", "TCP", "TLS", "mesh", "files", "everything at one port"],
)
def test_envoy_accepts_it(tmp_path, servers):
    made = translate(mesh_of(gateway(*servers) + ROUTES + SERVICES), router())
    assert made["listeners"]
    assert refusal(made, tmp_path / "envoy.json") == ""
