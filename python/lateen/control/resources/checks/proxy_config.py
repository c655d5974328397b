"""What a ProxyConfig must be.

Source: Istio pkg/config/validation/validation.go ValidateProxyConfig.
"""

from __future__ import annotations

from lateen.control.resources.checks.selectors import check_label_selector
from lateen.control.resources.field import Field
from lateen.control.resources.meta import Resource
from lateen.control.resources.proxy_config import ProxyConfig


def check_proxy_config(resource: Resource[ProxyConfig], at: Field) -> None:
    """Note what is wrong with it."""
    check_label_selector(at / "selector", resource.spec.selector)
    concurrency = resource.spec.concurrency
    if concurrency is not None and concurrency < 0:
        (at / "concurrency").error(f"{concurrency} threads", "0 for one each core, or more")
