"""IP addresses, ranges and Unix sockets.

Source: Istio pkg/config/validation/validation.go, agent/validation.go; Go's net/netip.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from lateen.control.model.hosts import is_address
from lateen.control.resources.field import Field

UNIX = "unix://"
_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")


def is_range(text: str) -> bool:
    """Whether it is an IP address with the length of a prefix; bits of the host may be set."""
    address, _, length = text.partition("/")
    if not _LENGTH.fullmatch(length) or not is_address(address) or "%" in address:
        return False
    return int(length) <= ip_address(address).max_prefixlen


def check_address(at: Field, text: str) -> None:
    """Note what is no IP address."""
    if not is_address(text):
        at.error(f"{text!r} is no IP address", "as 10.0.0.1 or 2001:db8::1")


def check_address_or_range(at: Field, text: str) -> None:
    """Note what is neither an IP address nor a range."""
    if not (is_range(text) if "/" in text else is_address(text)):
        at.error(f"{text!r} is no IP address or range", "as 10.0.0.1 or 10.0.0.0/8")


def check_unix_path(at: Field, address: str) -> None:
    """Note what is no `unix://` address of a socket: an absolute path, or a name after `@`."""
    path = address.removeprefix(UNIX)
    if path.startswith("@"):
        return
    if not path.startswith("/") or path.endswith("/"):
        at.error(f"{address!r} names no socket", "an absolute path, or a name after @")
