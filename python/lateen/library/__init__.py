"""The proxy as a library: `lateen.Proxy`, in the process of who uses it."""

from lateen.library.errors import ConfigError, ProxyError
from lateen.library.proxy import Proxy

__all__ = ["ConfigError", "Proxy", "ProxyError"]
