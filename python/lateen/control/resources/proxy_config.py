"""ProxyConfig: how proxies are run.

Source: istio/api networking/v1beta1/proxy_config.proto.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from lateen.control.resources.meta import Strict
from lateen.control.resources.selectors import LabelSelector


class ProxyImage(Strict, frozen=True):
    """Which image of the proxy."""

    image_type: str = ""


class ProxyConfig(Strict, frozen=True):
    """What `spec` holds."""

    selector: LabelSelector | None = None
    concurrency: int | None = None
    environment_variables: dict[str, Annotated[str, Meta(max_length=2048)]] = {}
    image: ProxyImage | None = None
