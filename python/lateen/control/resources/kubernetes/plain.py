"""Kinds of which little is looked at: Namespace, ServiceAccount, ConfigMap.

Source: Kubernetes core/v1.
"""

from __future__ import annotations

from lateen.control.resources.meta import Lenient


class Namespace(Lenient, frozen=True):
    """Only its metadata matters."""


class ServiceAccount(Lenient, frozen=True):
    """Only its metadata matters."""


class ConfigMap(Lenient, frozen=True):
    """Texts by name."""

    data: dict[str, str] = {}
