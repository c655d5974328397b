"""What a differential case is: configuration, a conversation, and the upstreams' scripts.

Names are resolved by a server of the case's own if it has `names`; `$dns` is its port.
In a case's configuration and requests, `$NAME` stands for the port of the upstream NAME (for the
path of its socket if NAME starts with `unix`), `$dir` for a temporary directory, `$dead` for a
port where nobody listens, `$certs` for the directory of tests.support.tls_files,
 and any other `$NAME` for NAME made unique to the case: many cases share
one proxy process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.support.collector import CollectorScript
from tests.support.http2 import Part
from tests.support.http2_upstream import Script2
from tests.support.telemetry_service import TelemetryScript
from tests.support.unary_service import UnaryScript
from tests.support.upstream import Script, TlsServer, reply


@dataclass(frozen=True)
class Write:
    """Send bytes on connection `on` (opened when first used), `piece` bytes at a time if given."""

    data: bytes
    on: str = "a"
    piece: int = 0
    pause: float = 0.0


@dataclass(frozen=True)
class Open:
    """Connect to the listener at address `to`, from `source` and from the port `$dead` if asked.

    A connection that is not opened so is opened by its first use, to 127.0.0.1.
    """

    on: str = "a"
    to: str = "127.0.0.1"
    source: str = ""
    dead_port: bool = False


@dataclass(frozen=True)
class Secure:
    """Begin TLS on a connection and note what was agreed on, or that it failed.

    `name` is asked for by SNI; `certificate` is one of tests.support.tls_files, "" is none;
    `resume` offers the session of that connection.
    """

    on: str = "a"
    name: str = "a.test"
    certificate: str = ""
    alpn: tuple[str, ...] = ()
    lowest: str = "TLSv1_2"
    highest: str = "TLSv1_3"
    ciphers: str = ""
    resume: str = ""


@dataclass(frozen=True)
class Receive:
    """Note the next `count` bytes that are no HTTP, or as many as come within `within` seconds."""

    count: int
    on: str = "a"
    within: float = 2.0


@dataclass(frozen=True)
class Read:
    """Read one response to a `method` request."""

    method: str = "GET"
    on: str = "a"


@dataclass(frozen=True)
class Wait:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True)
class HalfClose:
    """End the client's sending side."""

    on: str = "a"


@dataclass(frozen=True)
class Drop:
    """End the client's connection; `reset` ends it with a reset."""

    on: str = "a"
    reset: bool = False


@dataclass(frozen=True)
class End:
    """Note whether the server ends the connection within `within` seconds, then close it."""

    on: str = "a"
    within: float = 0.15


@dataclass(frozen=True)
class Admin:
    """Ask the admin listener; `keep` (a regular expression) selects the lines that count.

    Of a line only the group of `keep` counts, if it has one. `form` is sent as the body.
    `sort_json` is for answers whose keys have no fixed order; `digits` replaces all numbers.
    """

    path: str
    method: str = "GET"
    keep: str = ""
    body: bool = True
    form: str = ""
    sort_json: bool = False
    digits: bool = False


@dataclass(frozen=True)
class Open2:
    """Connect and send the preface of HTTP/2 with these settings.

    With `reads` False the client opens no windows; with `answers` False it acknowledges nothing.
    A connection that is not opened so is opened by the first `Send2`.
    """

    on: str = "a"
    values: Mapping[int, int] = field(default_factory=dict)
    reads: bool = True
    answers: bool = True


@dataclass(frozen=True)
class Send2:
    """Send frames of HTTP/2 on connection `on`."""

    parts: tuple[Part, ...]
    on: str = "a"


@dataclass(frozen=True)
class Read2:
    """Note what came on these streams when all are over, or after `within` seconds."""

    streams: tuple[int, ...] = (1,)
    on: str = "a"
    within: float = 3.0


@dataclass(frozen=True)
class End2:
    """Note GOAWAYs and whether the server ends the connection, then close it.

    `shown` notes the settings of the server and the pings that came as well; `ended` only whether
    the connection ended, not how.
    """

    on: str = "a"
    within: float = 0.3
    shown: bool = False
    ended: bool = False


Step = (
    Secure
    | Open2
    | Send2
    | Read2
    | End2
    | Open
    | Write
    | Receive
    | Read
    | Wait
    | HalfClose
    | Drop
    | End
    | Admin
)


@dataclass(frozen=True)
class Differs:
    """A difference that is meant: why, and the status lines that Lateen gives instead."""

    reason: str
    lateen_statuses: tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One comparison. `steps` may hold plain bytes: a request on a connection of its own.

    `hcm`, `listener`, `route_config` and `bootstrap` are YAML mappings laid over the defaults;
    `routes`, `virtual_hosts`, `clusters` and further `listeners` are YAML lists (a cluster's
    `hosts: [port...]` becomes its load_assignment). `isolated` gives the case proxy processes of
    its own; `unordered` sorts what the client saw and what the upstreams saw; without
    `numbered` it does not count which connections of an upstream requests came on; `stats` tells
    which stats count.
    """

    name: str
    steps: tuple[Step | bytes, ...]
    routes: str = "[{match: {prefix: /}, route: {cluster: $be}}]"
    virtual_hosts: str = ""
    hcm: str = ""
    route_config: str = ""
    listener: str = ""
    listeners: str = ""
    clusters: str = "[{name: $be, hosts: [$up]}]"
    bootstrap: str = ""
    names: Mapping[str, Sequence[Sequence[str] | str]] | None = None
    name_ttl: int = 60
    upstream_tls: Mapping[str, TlsServer] = field(default_factory=dict)
    upstreams: Mapping[str, Script | Script2 | UnaryScript | TelemetryScript | CollectorScript] = (
        field(default_factory=lambda: {"up": Script([reply()])})
    )
    log_format: str = ""
    isolated: bool = False
    unordered: bool = False
    numbered: bool = True
    stats: str = r"^(http|cluster|listener|vhost)\."
    ignore_stats: str = ""
    arguments: tuple[str, ...] = ()
    differs: Differs | None = None


def once(data: bytes, method: str = "GET", within: float = 0.15) -> tuple[Step, ...]:
    """A request on a connection of its own, its response, and how the connection ends."""
    return (Write(data), Read(method), End(within=within))


def asked(*parts: Part, within: float = 3.0, end: float = 0.15) -> tuple[Step, ...]:
    """A request on stream 1 of an HTTP/2 connection, its response, how the connection ends."""
    return (Send2(parts), Read2(within=within), End2(within=end))
