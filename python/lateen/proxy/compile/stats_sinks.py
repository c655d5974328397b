"""Where stats are sent to, beside the admin listener that serves them.

Source: envoy/config/metrics/v3/stats.proto; errors as in Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.proxy.compile.address import is_ip

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
    from envoy.config.core.v3.address_pb2 import Address
    from envoy.config.metrics.v3 import stats_pb2 as envoy

    from lateen.proxy.compile.context import CompileContext

_PACKAGE = "envoy.config.metrics.v3"
_STATSD = f"{_PACKAGE}.StatsdSink"
_DOG = f"{_PACKAGE}.DogStatsdSink"
_PREFIX = "envoy"
_NO_UNITS = "all times are in milliseconds"

SUPPORT = (
    whole(f"{_PACKAGE}.StatsSink"),
    Fields(
        _STATSD,
        implemented="address prefix",
        rejected={"tcp_cluster_name": "give an address: it is sent over UDP"},
        harmless={"scale_histogram_units_to_milliseconds": _NO_UNITS},
        category="envoy.stats_sinks",
    ),
    Fields(
        _DOG,
        implemented="address prefix max_bytes_per_datagram",
        harmless={"scale_histogram_units_to_milliseconds": _NO_UNITS},
        category="envoy.stats_sinks",
    ),
)


@dataclass(frozen=True)
class StatsdPlan:
    """Stats as lines of text in datagrams.

    Attributes:
        address: host and port of UDP, or the path of a unix socket.
        prefix: begins every name.
        tags: whether tags are taken out of names and sent apart.
        datagram_bytes: how many bytes of lines share a datagram; 0: a line has one of its own.
    """

    address: tuple[str, int] | str
    prefix: str
    tags: bool = False
    datagram_bytes: int = 0


def compile_stats_sinks(ctx: CompileContext, bootstrap: Bootstrap) -> Sequence[StatsdPlan]:
    """The sinks of a bootstrap; those of other kinds are left out, with a warning."""
    found = []
    for index, sink in enumerate(bootstrap.stats_sinks):
        at = f"stats_sinks[{index}]"
        message = ctx.unpack(sink.typed_config)
        kind = message.DESCRIPTOR.full_name if message is not None else ""
        where = f"{at}.typed_config"
        if kind == _STATSD:
            statsd: envoy.StatsdSink = message  # type: ignore[assignment]
            if not statsd.tcp_cluster_name:
                address = _address(ctx, statsd.address, f"{where}.address")
                found.append(StatsdPlan(address, statsd.prefix or _PREFIX))
        elif kind == _DOG:
            dog: envoy.DogStatsdSink = message  # type: ignore[assignment]
            address = _address(ctx, dog.address, f"{where}.address")
            most = dog.max_bytes_per_datagram.value
            found.append(StatsdPlan(address, dog.prefix or _PREFIX, tags=True, datagram_bytes=most))
        else:
            ctx.excuse(at, "stats are sent to no sink of this kind yet")
    return found


def _address(ctx: CompileContext, address: Address, at: str) -> tuple[str, int] | str:
    if address.HasField("pipe"):
        return address.pipe.path
    socket = address.socket_address
    if not is_ip(socket.address):
        ctx.error(f"{at}.socket_address.address", f"malformed IP address: {socket.address}")
    return socket.address, socket.port_value
