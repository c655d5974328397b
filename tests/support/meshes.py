"""Mesh files of tests, and what is planned of them."""

from __future__ import annotations

import itertools
from pathlib import Path

from lateen.mesh.plan import Mode, Network, Plan, plan
from lateen.mesh.reading import read_mesh_file

SHOP = """\
namespace: shop
gateways:
  ingress:
    ports: [{port: 8080}]
services:
  web:
    command: [web]
    ports: [{port: 80, targetPort: 8080}, {port: 9000, protocol: GRPC}]
    versions: {v1: {}, v2: {env: {PORT: '7'}}}
  outside:
    command: [outside]
    ports: [{port: 90}]
    sidecar: false
"""


def planned(folder: Path, mode: Mode, text: str = SHOP) -> Plan:
    """The plan of a mesh file as mesh number 3, with ports of the loopback from 20000."""
    path = folder / "mesh.yaml"
    path.write_text(text)
    ports = itertools.count(20000)
    return plan(read_mesh_file(path), Network(mode, 3), lambda: next(ports))
