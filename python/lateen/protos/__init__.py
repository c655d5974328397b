"""Envoy's v3 messages, from a descriptor pool of our own.

The descriptors are read from `envoy.binpb`, which build_backend/ makes. The pool is private so that
no other package's copy of these files, in this process, can collide with them, and it is filled
lazily, file by file, because all of them together would cost tens of megabytes.

    from lateen.protos import envoy_types

    Cluster = envoy_types().message_class("envoy.config.cluster.v3.Cluster")
"""

from lateen.protos.types import PackedMessage, TypeRegistry, UnknownTypeError, envoy_types

__all__ = ["PackedMessage", "TypeRegistry", "UnknownTypeError", "envoy_types"]
