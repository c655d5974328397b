"""What sidecars are sent in each mode of interception is accepted by the real Envoy."""

import pytest

from lateen.control.model.proxy import Interception
from lateen.control.offline import translate
from tests.support.accepted import refusal
from tests.support.mesh import mesh_of, sidecar

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default}
spec:
  clusterIP: 10.1.0.1
  selector: {app: app}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp, port: 90}, {name: x, port: 100}]
---
apiVersion: v1
kind: Pod
metadata: {name: app-1, namespace: default, labels: {app: app}}
spec: {containers: []}
status: {podIP: 10.0.0.1}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: default}
spec:
  hosts: [a.com, '*.b.com']
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: tls, protocol: TLS}]
  resolution: NONE
"""
SIDECAR = """\
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: mine, namespace: default}
spec:
  ingress:
    - port: {number: 9000, protocol: HTTP, name: http}
      bind: 127.77.0.1
      captureMode: NONE
      defaultEndpoint: 127.0.0.1:8080
    - {port: {number: 9001, protocol: TCP, name: tcp}, defaultEndpoint: 'unix:///run/app'}
    - {port: {number: 9002, protocol: '', name: any}, defaultEndpoint: '0.0.0.0:8082'}
    - port: {number: 9003, protocol: HTTPS, name: tls}
      defaultEndpoint: 127.0.0.1:8083
      tls: {mode: MUTUAL, serverCertificate: /c, privateKey: /k, caCertificates: /r}
  egress:
    - {port: {number: 3128, protocol: HTTP_PROXY, name: p}, bind: 127.77.0.1, hosts: ['*/*']}
    - {port: {number: 90, protocol: TCP, name: t}, bind: 127.77.0.1, hosts: ['./*']}
    - {port: {number: 0, protocol: HTTP, name: u}, bind: 'unix:///run/out', hosts: ['*/*']}
    - {hosts: ['*/*']}
  outboundTrafficPolicy:
    mode: ALLOW_ANY
    egressProxy: {host: a.default.svc.cluster.local, port: {number: 80}}
"""


OPEN = """\
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: DISABLE}}
"""
PLACES = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: places, namespace: default}
spec:
  hosts: [places.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: DNS
  endpoints:
    - {address: a.test, locality: us/east}
    - {address: b.test, locality: us/west}
    - {address: c.test, locality: eu/north}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: places, namespace: default}
spec:
  host: places.com
  trafficPolicy:
    outlierDetection: {consecutive5xxErrors: 1}
    loadBalancer: {SETTING}
"""


@pytest.mark.oracle
@pytest.mark.parametrize(
    "setting",
    [
        "localityLbSetting: {failover: [{from: us, to: eu}]}",
        "localityLbSetting: {failoverPriority: [topology.kubernetes.io/region, app]}",
        "localityLbSetting: {distribute: [{from: us, to: {us/east: 70, 'eu/*': 30}}]}",
        "zoneAwareLbSetting: {minClusterSize: 2}",
        "zoneAwareLbSetting: {enabled: false}",
    ],
)
def test_envoy_accepts_places(tmp_path, setting):
    proxy = sidecar(locality="us/east", labels={"app": "app"})
    made = translate(mesh_of(MESH + PLACES.replace("SETTING", setting)), proxy)
    assert refusal(made, tmp_path / "envoy.json") == ""


RULES = """\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a, namespace: default}
spec:
  host: a
  trafficPolicy:
    tunnel: {targetHost: b.test, targetPort: 443, protocol: CONNECT}
    connectionPool: {tcp: {idleTimeout: 1h, maxConnectionDuration: 2h}}
    loadBalancer: {consistentHash: {useSourceIp: true}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: root, namespace: default}
spec:
  hosts: [a]
  http: [{match: [{uri: {prefix: /x}}], delegate: {name: leaf}}]
  tcp: [{match: [{destinationSubnets: [10.9.0.0/16]}], route: [{destination: {host: a.com}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: leaf, namespace: default}
spec: {http: [{match: [{uri: {prefix: /x/y}}], route: [{destination: {host: a}}]}]}
"""


@pytest.mark.oracle
@pytest.mark.parametrize("mode", list(Interception))
@pytest.mark.parametrize("tls", [None, {"mode": "SIMPLE"}])
def test_envoy_accepts_hosts_that_dns_tells(tmp_path, mode, tls):
    policy = {"mode": "ALLOW_ANY_DYNAMIC_DNS", "tls": tls}
    proxy = sidecar(labels={"app": "app"}, interception=mode)
    made = translate(mesh_of(MESH, outboundTrafficPolicy=policy), proxy)
    assert refusal(made, tmp_path / "envoy.json") == ""


@pytest.mark.oracle
def test_envoy_accepts_tunnels_and_delegates(tmp_path):
    made = translate(mesh_of(MESH + RULES), sidecar(labels={"app": "app"}, dns_capture=True))
    assert refusal(made, tmp_path / "envoy.json") == ""


@pytest.mark.oracle
@pytest.mark.parametrize("mode", list(Interception))
@pytest.mark.parametrize(
    "text",
    [MESH, MESH + SIDECAR, MESH + SIDECAR + OPEN],
    ids=["no Sidecar", "Sidecar", "no mutual TLS"],
)
def test_envoy_accepts_it(tmp_path, mode, text):
    proxy = sidecar(labels={"app": "app"}, interception=mode)
    made = translate(mesh_of(text, proxyHttpPort=15007), proxy)
    assert refusal(made, tmp_path / "envoy.json") == ""
