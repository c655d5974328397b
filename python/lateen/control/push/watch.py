"""What a proxy wants of one type of resource, and what it was answered. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lateen.control.push.blob import Blob

ALL = "*"


@dataclass(frozen=True)
class Push:
    """An answer.

    Attributes:
        type_url: of the resources.
        version: of all that is in force, as text.
        nonce: to acknowledge it with.
        resources: that are new or changed; in state of the world of whole types, all.
        removed: names of what is gone.
        delta: whether it tells what changed.
    """

    type_url: str
    version: str
    nonce: str
    resources: Sequence[Blob]
    removed: Sequence[str]
    delta: bool

    @property
    def size(self) -> int:
        """In bytes, without what every answer has."""
        return sum(len(one.delta) for one in self.resources)


@dataclass
class Watch:
    """What a proxy wants of one type.

    Attributes:
        delta: answers tell what changed.
        names: that it asked for.
        everything: it wants whatever there is.
        has: versions that it was sent, by name.
        nonce: of the last answer.
        acknowledged: of the last answer that it took.
        judged: of the last answer that it took or refused.
        version: that the last answer said, and the last that it took said.
        refused: why resources were refused, by name, until they are taken.
        again: how many answers it was sent of this version before the last.
        pending: names that may have changed since the last answer; None: any may have.
    """

    delta: bool
    names: set[str] = field(default_factory=set)
    everything: bool = False
    has: dict[str, str] = field(default_factory=dict)
    nonce: str = ""
    acknowledged: str = ""
    judged: str = ""
    version: str = ""
    version_taken: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    pending: set[str] | None = None
    again: int = -1
    _last: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether the last answer was taken, or refused."""
        return self.nonce == self.judged

    def sent(self, push: Push) -> None:
        """Note an answer."""
        self.nonce, self.version = push.nonce, push.version
        self._last = tuple(one.name for one in push.resources)

    def lacks(self, resource: Blob) -> bool:
        """Whether it was not sent this version."""
        return self.has.get(resource.name) != resource.version

    def judge(self, nonce: str, error: str | None) -> None:
        """Note what the last answer came to.

        A refusal is of the resources that its text names, of all when it names none.
        """
        self.judged = nonce
        if error is None:
            self.acknowledged, self.version_taken = nonce, self.version
            for name in self._last:
                self.refused.pop(name, None)
            return
        named = [name for name in self._last if name in error]
        self.refused.update(dict.fromkeys(named or self._last or (ALL,), error))
