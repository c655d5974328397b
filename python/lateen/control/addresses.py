"""Addresses that are listened to, as the command line has them."""

from __future__ import annotations

_LARGEST_PORT = 65535


class ServeError(Exception):
    """A server cannot listen; the message says why and what to do."""


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; the host of IPv6 is in brackets.

    Raises:
        ServeError: it has another form.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _LARGEST_PORT:
        raise ServeError(f"{address!r} is no address: HOST:PORT")
    return host.strip("[]"), int(port)
