"""A DiscoveryResponse in a file or in an HTTP body.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/xds_api
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from google.protobuf.message import DecodeError, Message

from lateen.config.convert import Converter
from lateen.config.paths import render, steps_of
from lateen.config.sources import Format, Source, format_of
from lateen.config.syntax import ConfigSyntaxError
from lateen.protos import envoy_types
from lateen.xds.codec import response_of
from lateen.xds.subscription import FetchFailure, Update
from lateen.xds.type_state import resource_of

if TYPE_CHECKING:
    from envoy.service.discovery.v3.discovery_pb2 import DiscoveryResponse

    from lateen.proxy.xds.tracked import Tracked
    from lateen.xds.messages import Response

_MESSAGE = "envoy.service.discovery.v3.DiscoveryResponse"


class DocumentError(Exception):
    """The text is no DiscoveryResponse; the message says where and why."""


class Document(NamedTuple):
    """What a text says.

    Attributes:
        response: the answer.
        unknown: what in it was ignored, because a newer version of the API may have it.
    """

    response: Response
    unknown: Sequence[str]


def read_document(path: str) -> Document:
    """The answer in a file; its extension tells the format.

    Raises:
        DocumentError: it cannot be read, or is none.
    """
    return parse_document(path, read_file(path), format_of(path))


def read_file(path: str) -> bytes:
    """What is in a file.

    Raises:
        DocumentError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise DocumentError(f"cannot read {path}: {error.strerror}") from None


def parse_document(name: str, data: bytes, form: Format) -> Document:
    """The answer in some bytes.

    Args:
        name: of the text, for errors.
        data: the bytes.
        form: how they are written.

    Raises:
        DocumentError: they are none.
    """
    message = envoy_types().message_class(_MESSAGE)()
    unknown = fill(message, name, data, form)
    return Document(response_of(cast("DiscoveryResponse", message)), unknown)


def fill(message: Message, name: str, data: bytes, form: Format) -> list[str]:
    """Fills a message from some bytes.

    Args:
        message: is filled.
        name: of the text, for errors.
        data: the bytes.
        form: how they are written.

    Returns:
        what in it was ignored, because a newer version of the API may have it.

    Raises:
        DocumentError: they are no such message.
    """
    unknown: list[str] = []
    try:
        if form == "pb":
            message.ParseFromString(data)
        elif form == "pb_text":
            _merge_text(message, data.decode())
        else:
            unknown = _convert(message, Source(name, data.decode(), form))
    except (DecodeError, UnicodeDecodeError) as error:
        raise DocumentError(f"in {name}, {error}") from None
    except ConfigSyntaxError as error:
        raise DocumentError(
            f"in {name}, line {error.line}, column {error.column}: {error.message}"
        ) from None
    return unknown


def _convert(message: Message, source: Source) -> list[str]:
    tree = source.parse()
    if not isinstance(tree, dict):
        raise DocumentError(f"in {source.name}, there is no mapping with resources")
    converter = Converter(envoy_types())
    converter.fill(message, tree, None)
    unknown = []
    for problem in converter.problems:
        text = f"{render(steps_of(problem.place))}: {problem.message}"
        if not problem.unknown:
            raise DocumentError(f"in {source.name}, {text}")
        unknown.append(text)
    return unknown


def _merge_text(message: Message, text: str) -> None:
    from google.protobuf import text_format

    try:
        text_format.Merge(text, message, descriptor_pool=envoy_types().pool)
    except text_format.ParseError as error:
        raise DocumentError(str(error)) from None


def hand_over(
    tracked: Tracked, response: Response, type_url: str, names: Collection[str] | None
) -> bool:
    """Hands an answer that has all there is to a subscriber; whether it took it.

    Args:
        tracked: the subscriber.
        response: the answer.
        type_url: of the resources that are wanted.
        names: of the resources that are wanted; None for all.
    """
    for each in response.resources:
        if each.type_url != type_url:
            wanted = type_url.rpartition("/")[2]
            reason = f"Unable to unpack as {wanted}: {each.name} is a {each.type_url}"
            tracked.fail(FetchFailure.REJECTED, reason)
            return False
    bodies = tuple(
        resource_of(each, each.version or response.version)
        for each in response.resources
        if names is None or each.name in names
    )
    return tracked.deliver(Update(bodies, (), response.version, True)).accepted
