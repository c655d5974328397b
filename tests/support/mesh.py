"""Meshes from text, and what their proxies are sent, for tests."""

from __future__ import annotations

import msgspec

from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from lateen.control.model.proxy import parse_node
from lateen.control.offline import translate
from lateen.control.resources.scalars import decode
from tests.support.manifests import resources

DOMAIN = "cluster.local"


def mesh_of(text, **config):
    """A mesh of manifests; `config` are fields of MeshConfig as they are written."""
    made = msgspec.convert(config, MeshConfig, dec_hook=decode)
    return Mesh(made, DOMAIN, tuple(resources(text)))


def sidecar(address="10.0.0.1", namespace="default", labels=None, name="app-1", **known):
    """A sidecar; `known` is what else its node tells."""
    node = f"sidecar~{address}~{name}.{namespace}~{namespace}.svc.{DOMAIN}"
    return parse_node(node, labels=labels or {}, **known)


def router(address="10.0.0.9", namespace="edge", labels=None, name="gw-1"):
    """A gateway."""
    node = f"router~{address}~{name}.{namespace}~{namespace}.svc.{DOMAIN}"
    return parse_node(node, labels=labels or {"istio": "ingress"})


def sent(text, proxy=None, **config):
    """What a proxy is sent, by kind and name."""
    made = translate(mesh_of(text, **config), proxy or sidecar())
    return {
        kind: {one.get("name") or one["cluster_name"]: one for one in messages}
        for kind, messages in made.items()
    }
