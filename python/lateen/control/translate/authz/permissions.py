"""What is called, as permissions: one function for each attribute, given all values of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lateen.control.translate import api
from lateen.control.translate.authz import matching
from lateen.control.translate.authz.matching import NotExpressible

if TYPE_CHECKING:
    from envoy.config.rbac.v3.rbac_pb2 import Permission
    from envoy.type.matcher.v3.value_pb2 import ValueMatcher

_EXPERIMENTAL = "experimental."
_TEMPLATES = (("{**}", "**"), ("{*}", "*"))


def any_of(permissions: Sequence[Permission]) -> Permission:
    """Holds if one of them does."""
    return api.Permission(or_rules=api.Permission.Set(rules=permissions))


def all_of(permissions: Sequence[Permission]) -> Permission:
    """Holds if all do; none: always."""
    every = permissions or [api.Permission(any=True)]
    return api.Permission(and_rules=api.Permission.Set(rules=every))


def none_of(permission: Permission) -> Permission:
    """Holds if it does not."""
    return api.Permission(not_rule=permission)


def host(value: str) -> Permission:
    """The host of a request."""
    return api.Permission(header=matching.header(":authority", value, ignore_case=True))


def method(value: str) -> Permission:
    """The method of a request."""
    return api.Permission(header=matching.header(":method", value))


def path(value: str) -> Permission:
    """The path of a request: a text, or a template with `{*}` and `{**}`."""
    if not any(written in value for written, _ in _TEMPLATES):
        return api.Permission(url_path=api.PathMatcher(path=matching.text(value)))
    for written, wildcard in _TEMPLATES:
        value = value.replace(written, wildcard)
    template = api.packed(api.UriTemplateMatchConfig(path_template=value))
    extension = api.TypedExtensionConfig(name="uri-template", typed_config=template)
    return api.Permission(uri_template=extension)


def port(value: str) -> Permission:
    """The port that is called."""
    return api.Permission(destination_port=matching.port(value))


def address(value: str) -> Permission:
    """The address that is called."""
    return api.Permission(destination_ip=matching.cidr(value))


def server_name(value: str) -> Permission:
    """The SNI of a connection."""
    return api.Permission(requested_server_name=matching.text(value))


def dynamic_metadata(key: str, values: Sequence[str]) -> Permission:
    """What another filter left: `experimental.FILTER[KEY]`; a value `[text]` is one of a list.

    Raises:
        NotExpressible: the key has another form.
    """
    namespace, bracket, name = key.removeprefix(_EXPERIMENTAL).removesuffix("]").partition("[")
    if not bracket:
        raise NotExpressible(f"{key!r} has no key in brackets")
    matcher = matching.any_of([_item_or_text(value) for value in values])
    return api.Permission(metadata=matching.metadata(namespace, (name,), matcher))


def _item_or_text(value: str) -> ValueMatcher:
    if value.startswith("[") and value.endswith("]"):
        return matching.in_list(matching.texts([value.strip("[]")]))
    return matching.texts([value])
