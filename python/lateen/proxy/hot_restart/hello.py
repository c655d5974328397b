"""The handshake of hot restart: who is on the other side, and whether both understand each other.

The form of a `hello` never changes with the protocol: it is how a difference is found out.
"""

from __future__ import annotations

from typing import NamedTuple

from lateen.proxy.hot_restart.wire import PROTOCOL, Message, WireError, number_of, text_of

# What a peer wants: to take over, or only to know who is there (`lateen reload`).
CHILD, QUERY = "child", "query"


class VersionError(Exception):
    """The other process speaks another version; the message says which and what to do."""


class Hello(NamedTuple):
    """What a process says of itself.

    Attributes:
        role: CHILD or QUERY of who connects, "parent" of who answers.
        protocol: the version of the messages.
        software: name and version.
        pid: of the process.
        epoch: its --restart-epoch.
        state: LIVE, DRAINING, INITIALIZING or PRE_INITIALIZING, as `server.state`.
        age_s: seconds since the start of the first epoch.
        child: the pid of the process that is taking over from it, 0 for none.
    """

    role: str
    protocol: int
    software: str
    pid: int
    epoch: int
    state: str = ""
    age_s: int = 0
    child: int = 0

    def message(self) -> Message:
        """As it is sent."""
        return {"type": "hello", **self._asdict()}


def read_hello(message: Message) -> Hello:
    """Checks the first message of a peer.

    Raises:
        VersionError: the peer speaks another version.
        WireError: it is no hello.
    """
    if message["type"] != "hello":
        raise WireError(f"its first message is {message['type']!r}, not 'hello'")
    protocol, software = number_of(message, "protocol"), text_of(message, "software")
    pid = number_of(message, "pid")
    if protocol != PROTOCOL:
        raise VersionError(
            f"{software} (pid {pid}) speaks version {protocol} of hot restart, this process"
            f" version {PROTOCOL}: end the old process, then start the new one with"
            " --restart-epoch 0"
        )
    return Hello(
        text_of(message, "role"),
        protocol,
        software,
        pid,
        number_of(message, "epoch"),
        text_of(message, "state"),
        number_of(message, "age_s"),
        number_of(message, "child"),
    )


def refusal(parent: Hello) -> str:
    """Why a process does not let another take over now; "": it does."""
    who = f"epoch {parent.epoch} (pid {parent.pid})"
    if parent.child:
        return f"{who} is being replaced already, by pid {parent.child}: wait until that is done"
    if parent.state != "LIVE":
        return f"{who} is {parent.state.lower().replace('_', ' ')}: try again once it is live"
    return ""
