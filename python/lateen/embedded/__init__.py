"""The proxy as a library: `lateen.Proxy`, in the process of who uses it."""

from lateen.embedded.errors import ConfigError, ProxyError
from lateen.embedded.proxy import Proxy

__all__ = ["ConfigError", "Proxy", "ProxyError"]
