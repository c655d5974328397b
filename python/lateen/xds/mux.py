"""Several types, and several subscribers to each, on one stream: what is sent next.

The one with the stream calls `opened`, `receive` and `closed`, and `pull` while it can send.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from lateen.xds.subscription import FetchFailure, Outcome, Resource, Update
from lateen.xds.watches import Change, Watch

if TYPE_CHECKING:
    from lateen.xds.messages import Request, Response
    from lateen.xds.type_state import Ack, TypeState


class Pauses:
    """Types whose requests are held back; shared by the streams of a process."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Calls `listener` when a type is released."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Ends what `listen` began."""
        self._listeners.remove(listener)

    def holds(self, type_url: str) -> bool:
        """Whether a type is held back."""
        return self._held[type_url] > 0 if self._held else False

    @contextlib.contextmanager
    def paused(self, type_url: str) -> Iterator[None]:
        """Holds a type back; once for each of those who do so at the same time."""
        self._held[type_url] += 1
        try:
            yield
        finally:
            self._held[type_url] -= 1
            if not self._held[type_url]:
                del self._held[type_url]
                for listener in tuple(self._listeners):
                    listener()


class Mux:
    """The client's side of one stream.

    Args:
        make_state: SotwState or DeltaState.
        pauses: which types are held back.
        wake: called when `pull` may have something.
        warn: logs what a server did wrong.
        clock: seconds, never going back; for times to live.
    """

    def __init__(
        self,
        make_state: Callable[[str], TypeState],
        pauses: Pauses,
        wake: Callable[[], None],
        warn: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._make_state = make_state
        self._pauses = pauses
        self._wake = wake
        self._warn = warn
        self._clock = clock
        self._states: dict[str, TypeState] = {}
        # What is to be sent, in order: a type alone for names that changed, with an Ack for one.
        self._queue: list[tuple[str, Ack | None]] = []
        self._open = False

    @property
    def waiting(self) -> int:
        """How many requests wait to be sent."""
        return len(self._queue)

    @property
    def idle(self) -> bool:
        """Whether nobody wants anything."""
        return not any(len(state.watches) for state in self._states.values())

    def watch(
        self,
        type_url: str,
        names: Collection[str] | None,
        deliver: Callable[[Update], Outcome],
        fail: Callable[[FetchFailure, str], None],
        check: Callable[[Resource], str] | None = None,
    ) -> Watch:
        """Adds a subscriber; None wants all."""
        watch = Watch(type_url, deliver, fail, check)
        state = self._states.get(type_url)
        if state is None:
            state = self._states[type_url] = self._make_state(type_url)
        self._changed(state, type_url, state.watches.set(watch, names))
        return watch

    def change(self, watch: Watch, names: Collection[str] | None) -> None:
        """Changes what a subscriber wants."""
        state = self._states[watch.type_url]
        self._changed(state, watch.type_url, state.watches.set(watch, names))

    def unwatch(self, watch: Watch) -> None:
        """Takes a subscriber away."""
        state = self._states[watch.type_url]
        self._changed(state, watch.type_url, state.watches.discard(watch))

    def _changed(self, state: TypeState, type_url: str, change: Change) -> None:
        state.changed(change)
        self._enqueue(type_url, None)

    def _enqueue(self, type_url: str, ack: Ack | None) -> None:
        # A stream that opens asks for everything anyway.
        if self._open:
            if ack is not None or (type_url, None) not in self._queue:
                self._queue.append((type_url, ack))
            self._wake()

    def opened(self, *, same_server: bool = True) -> None:
        """A stream began: everything is asked for, in the order of the first subscriptions.

        Args:
            same_server: False: the server is another than before and knows no version of its.
        """
        self._open = True
        self._queue.clear()
        for type_url, state in self._states.items():
            state.restart(same_server=same_server)
            self._enqueue(type_url, None)

    def closed(self, reason: str) -> None:
        """The stream ended, or never came to be."""
        self._open = False
        self._queue.clear()
        for state in tuple(self._states.values()):
            for watch in state.watches:
                watch.fail(FetchFailure.CONNECTION, reason)

    def receive(self, response: Response) -> None:
        """Takes an answer in; what subscribers ask for meanwhile is sent before the ACK."""
        state = self._states.get(response.type_url)
        if state is None:
            self._warn(
                f"Ignoring the message for type URL {response.type_url} as it has no current "
                "subscribers."
            )
            return
        ack = state.receive(response, self._clock())
        self._enqueue(response.type_url, ack)

    def expire(self) -> None:
        """Drops resources whose time to live has passed."""
        now = self._clock()
        for state in tuple(self._states.values()):
            state.expire(now)

    def next_expiry(self) -> float | None:
        """When `expire` has something to do; None: never."""
        times = [state.expiries.next() for state in self._states.values()]
        return min((at for at in times if at is not None), default=None)

    def pull(self) -> Request | None:
        """The next request; None when there is none, or only for types that are held back."""
        held: list[tuple[str, Ack | None]] = []
        found: Request | None = None
        while self._queue and found is None:
            type_url, ack = self._queue.pop(0)
            if self._pauses.holds(type_url):
                held.append((type_url, ack))
                continue
            state = self._states[type_url]
            if ack is not None or state.wants_to_send():
                found = state.request(ack)
                if state.wants_to_send():
                    self._queue.insert(0, (type_url, None))
        self._queue[:0] = held
        return found
