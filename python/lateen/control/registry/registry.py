"""Where the resources of a mesh come from: what the control plane wants of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from lateen.control.registry.files import Reading


class Registry(Protocol):
    """A source of resources: directories (`control/watch.py`), and whatever else tells them.

    Services and endpoints are made of resources, so Kubernetes is one more of these.
    """

    def read(self) -> Reading:
        """All that there is at this moment.

        Raises:
            FileNotFoundError: there is nothing to read from.
        """

    def changes(self, first: Reading) -> AsyncIterator[Reading]:
        """What there is after each change since `first`, without an end.

        A source that is away for a while tells nothing new; what it said stays in force. What did
        not change is the same object, and an invalid resource is as it was before.
        """
