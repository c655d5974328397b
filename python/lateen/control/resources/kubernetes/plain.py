"""Kinds of which little is looked at: Namespace, ServiceAccount, Secret, ConfigMap.

Source: Kubernetes core/v1.
"""

from __future__ import annotations

from lateen.control.resources.meta import Lenient


class Namespace(Lenient, frozen=True):
    """Only its metadata matters."""


class ServiceAccount(Lenient, frozen=True):
    """Only its metadata matters."""


class Secret(Lenient, frozen=True):
    """`data` is base64, `string_data` is not."""

    type: str = "Opaque"
    data: dict[str, str] = {}
    string_data: dict[str, str] = {}


class ConfigMap(Lenient, frozen=True):
    """Texts by name."""

    data: dict[str, str] = {}
