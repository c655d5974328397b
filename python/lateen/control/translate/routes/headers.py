"""Changes to headers.

Source: pilot/pkg/networking/core/route/route.go TranslateHeadersOperations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lateen.control.resources.virtual_service import HeaderOperations, Headers
from lateen.control.translate import api

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import HeaderValueOption
    from google.protobuf.internal.containers import (
        RepeatedCompositeFieldContainer,
        RepeatedScalarFieldContainer,
    )

_HOST = (":authority", "host")


class Changed(Protocol):
    """What takes changes to headers: a route, or one of its weighted clusters."""

    request_headers_to_add: RepeatedCompositeFieldContainer[HeaderValueOption]
    request_headers_to_remove: RepeatedScalarFieldContainer[str]
    response_headers_to_add: RepeatedCompositeFieldContainer[HeaderValueOption]
    response_headers_to_remove: RepeatedScalarFieldContainer[str]


@dataclass(frozen=True)
class Changes:
    """Changes to the headers of both directions, and the host that is set among them."""

    headers: Headers

    @property
    def authority(self) -> str:
        """The host that requests get; empty: their own."""
        request = self.headers.request
        for operations in (request.set, request.add):
            for name, value in operations.items():
                if name.lower() in _HOST:
                    return value
        return ""

    def apply(self, to: Changed) -> None:
        """Add the changes to those that are there."""
        request, response = self.headers.request, self.headers.response
        to.request_headers_to_add.extend(_added(request))
        to.request_headers_to_remove.extend(_removed(request.remove))
        to.response_headers_to_add.extend(_added(response))
        to.response_headers_to_remove.extend(_removed(response.remove))


def _added(operations: HeaderOperations) -> list[HeaderValueOption]:
    return [
        *_options(operations.set, "OVERWRITE_IF_EXISTS_OR_ADD"),
        *_options(operations.add, "APPEND_IF_EXISTS_OR_ADD"),
    ]


def _options(headers: Mapping[str, str], action: str) -> list[HeaderValueOption]:
    return [
        api.HeaderValueOption(header=api.HeaderValue(key=name, value=value), append_action=action)
        for name, value in sorted(headers.items())
        if not _is_internal(name)
    ]


def _removed(names: Sequence[str]) -> list[str]:
    return [name for name in names if not _is_internal(name)]


def _is_internal(name: str) -> bool:
    """Whether it is no header that may be changed: the host is set in another way."""
    return name.startswith(":") or name.lower() == "host"
