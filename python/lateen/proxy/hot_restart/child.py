"""The new process's half of hot restart: what it asks of its parent."""

from __future__ import annotations

import threading
import time

from lateen.proxy.hot_restart.channel import (
    Channel,
    ChannelError,
    GoneError,
    NoProcessError,
    close_all,
)
from lateen.proxy.hot_restart.hello import Hello, VersionError, read_hello, refusal
from lateen.proxy.hot_restart.stats import Counted
from lateen.proxy.hot_restart.wire import WireError, number_of, numbers_of

# How long a process may take to say who it is, and for the answers after that: stats may be many.
HELLO_LIMIT_S = 5.0
_ANSWER_LIMIT_S = 15.0
# A parent that has only just been started is waited for.
_CONNECT_LIMIT_S = 2.0
_CONNECT_PAUSE_S = 0.1


class ParentError(Exception):
    """The parent cannot be taken over from; the message says why and what to do."""


class NoParentError(ParentError):
    """There is no parent."""


class ParentGoneError(ParentError):
    """There was a parent, but it has ended."""


def greet(name: str, hello: Hello, limit_s: float = HELLO_LIMIT_S) -> tuple[Channel, Hello]:
    """Connects to a process and shakes hands.

    Raises:
        NoProcessError: nobody listens under the name.
        ChannelError: somebody does who is not to be talked to.
        VersionError: the process speaks another version.
    """
    channel = Channel.open(name, limit_s)
    try:
        answer, _ = channel.ask(hello.message())
        return channel, read_hello(answer)
    except WireError as error:
        channel.close()
        raise ChannelError(f"the process at {name} does not speak hot restart: {error}") from None
    except (ChannelError, VersionError):
        channel.close()
        raise


class Parent:
    """The process that is being replaced; each method waits for its answer, for a bounded time.

    All methods raise ParentError when the parent is silent or refuses, and ParentGoneError when it
    has ended.
    """

    def __init__(self, channel: Channel, hello: Hello) -> None:
        self._channel = channel
        # A question may be under way in one thread when another has one.
        self._lock = threading.Lock()
        self.hello = hello
        self.generation = 0

    @property
    def who(self) -> str:
        """For messages: `epoch 0 (pid 71)`."""
        return f"epoch {self.hello.epoch} (pid {self.hello.pid})"

    @classmethod
    def connect(cls, name: str, hello: Hello) -> Parent:
        """Finds the parent of a process of `hello`.

        Raises:
            NoParentError: there is none.
            ParentError: it is of another version, another program, or cannot be replaced now.
        """
        deadline = time.monotonic() + _CONNECT_LIMIT_S
        epoch = hello.epoch - 1
        while True:
            try:
                channel, parent = greet(name, hello)
                break
            except NoProcessError as error:
                if time.monotonic() < deadline:
                    time.sleep(_CONNECT_PAUSE_S)
                    continue
                raise NoParentError(
                    f"no process of epoch {epoch} to take over from ({error}): start it with"
                    f" --restart-epoch 0, or give --skip-hot-restart-on-no-parent"
                ) from None
            except (ChannelError, VersionError) as error:
                raise ParentError(f"cannot take over from epoch {epoch}: {error}") from None
        reason = refusal(parent)
        if not reason and parent.epoch != epoch:
            reason = f"the process there is of epoch {parent.epoch}, not {epoch}"
        if reason:
            channel.close()
            raise ParentError(f"cannot take over from epoch {epoch}: {reason}")
        channel.set_limit(_ANSWER_LIMIT_S)
        return cls(channel, parent)

    def sockets(self) -> list[int]:
        """Descriptors of all listening sockets, which are the caller's."""
        found: list[int] = []
        try:
            more = True
            while more:
                answer, descriptors = self._channel.ask({"type": "sockets", "from": len(found)})
                found += descriptors
                self.generation = number_of(answer, "generation")
                more = answer.get("more") is True and bool(descriptors)
        except (ChannelError, WireError) as error:
            close_all(found)
            raise self._failed(error) from None
        return found

    def give_up_admin(self) -> None:
        """The parent closes its admin listener."""
        self._ask("admin")

    def drain(self, drain_s: int, shutdown_s: int, gradual: bool) -> Counted:
        """The parent stops accepting, drains, and tells what it has counted."""
        seconds = {"drain_s": drain_s, "shutdown_s": shutdown_s}
        return self._ask("drain", gradual=gradual, **seconds)[0]

    def stats(self) -> tuple[Counted, bool]:
        """What the parent has counted, and whether it has nothing left to do."""
        return self._ask("stats")

    def terminate(self) -> Counted:
        """The parent closes what is left and ends; the last that it has counted."""
        return self._ask("terminate")[0]

    def close(self) -> None:
        """Ends the connection: a parent that was not told to drain goes on."""
        self._channel.close()

    def _ask(self, kind: str, **fields: object) -> tuple[Counted, bool]:
        try:
            with self._lock:
                answer, _ = self._channel.ask({"type": kind, **fields})
            if kind == "admin":
                return Counted({}, {}), False
            counted = Counted(
                numbers_of(answer, "counters"),
                numbers_of(answer, "gauges"),
                number_of(answer, "connections"),
                number_of(answer, "memory"),
            )
        except (ChannelError, WireError) as error:
            raise self._failed(error) from None
        return counted, answer.get("idle") is True

    def _failed(self, error: Exception) -> ParentError:
        kind = ParentGoneError if isinstance(error, GoneError) else ParentError
        return kind(f"the parent, {self.who}: {error}")
