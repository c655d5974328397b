"""What a matcher tree looks at.

Source: envoy/extensions/matching/common_inputs/*; envoy/type/matcher/v3/http_inputs.proto and
status_code_input.proto; which inputs a tree may have as in Envoy 1.40.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, cast

from lateen.config.support import Fields, whole
from lateen.protos.worker_pb2 import MatchInput

if TYPE_CHECKING:
    from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig as EnvoyExtension
    from envoy.extensions.matching.common_inputs.environment_variable.v3 import input_pb2
    from envoy.extensions.matching.common_inputs.network.v3 import network_inputs_pb2 as network
    from envoy.type.matcher.v3 import http_inputs_pb2 as http
    from google.protobuf.message import Message
    from xds.core.v3.extension_pb2 import TypedExtensionConfig as XdsExtension

    from lateen.proxy.compile.context import CompileContext

_NETWORK = "envoy.extensions.matching.common_inputs.network.v3"
_SSL = "envoy.extensions.matching.common_inputs.ssl.v3"
_HTTP = "envoy.type.matcher.v3"
_FILTER_STATE = f"{_NETWORK}.FilterStateInput"
_METADATA = f"{_NETWORK}.DynamicMetadataInput"
_ENVIRONMENT = "envoy.extensions.matching.common_inputs.environment_variable.v3.Config"
_QUERY_PARAMETER = f"{_HTTP}.HttpRequestQueryParamMatchInput"

_ADDRESSES = {
    f"{_NETWORK}.DestinationIPInput": MatchInput.DESTINATION_IP,
    f"{_NETWORK}.DestinationPortInput": MatchInput.DESTINATION_PORT,
    f"{_NETWORK}.SourceIPInput": MatchInput.SOURCE_IP,
    f"{_NETWORK}.SourcePortInput": MatchInput.SOURCE_PORT,
    f"{_NETWORK}.DirectSourceIPInput": MatchInput.DIRECT_SOURCE_IP,
    f"{_NETWORK}.ServerNameInput": MatchInput.SERVER_NAME,
}
_SOURCE_TYPE = {f"{_NETWORK}.SourceTypeInput": MatchInput.SOURCE_TYPE}
_OF_CONNECTIONS = {
    **_ADDRESSES,
    **_SOURCE_TYPE,
    f"{_NETWORK}.TransportProtocolInput": MatchInput.TRANSPORT_PROTOCOL,
    f"{_NETWORK}.ApplicationProtocolInput": MatchInput.APPLICATION_PROTOCOL,
}
_OF_CERTIFICATES = {
    f"{_SSL}.UriSanInput": MatchInput.URI_SAN,
    f"{_SSL}.DnsSanInput": MatchInput.DNS_SAN,
    f"{_SSL}.SubjectInput": MatchInput.SUBJECT,
}
_OF_RESPONSES = {
    f"{_HTTP}.HttpResponseStatusCodeMatchInput": MatchInput.STATUS_CODE,
    f"{_HTTP}.HttpResponseStatusCodeClassMatchInput": MatchInput.STATUS_CODE_CLASS,
    f"{_HTTP}.HttpResponseLocalReplyMatchInput": MatchInput.LOCAL_REPLY,
}
_REQUEST_HEADER = {f"{_HTTP}.HttpRequestHeaderMatchInput": MatchInput.REQUEST_HEADER}
_HEADERS = {
    **_REQUEST_HEADER,
    f"{_HTTP}.HttpRequestTrailerMatchInput": MatchInput.REQUEST_TRAILER,
    f"{_HTTP}.HttpResponseHeaderMatchInput": MatchInput.RESPONSE_HEADER,
    f"{_HTTP}.HttpResponseTrailerMatchInput": MatchInput.RESPONSE_TRAILER,
}


class Asked(Enum):
    """What a tree is asked about."""

    CONNECTION = "connection"
    ROUTE = "route"
    REQUEST = "request"
    EXCHANGE = "exchange"  # a request and its response


_OF_REQUESTS = {
    **_ADDRESSES,
    **_OF_CERTIFICATES,
    **_REQUEST_HEADER,
    _METADATA: MatchInput.DYNAMIC_METADATA,
}
_KNOWN = {
    Asked.CONNECTION: {**_OF_CONNECTIONS, _METADATA: MatchInput.DYNAMIC_METADATA},
    Asked.ROUTE: _REQUEST_HEADER,
    Asked.REQUEST: _OF_REQUESTS,
    Asked.EXCHANGE: {
        **_OF_REQUESTS,
        **_SOURCE_TYPE,
        **_HEADERS,
        **_OF_RESPONSES,
        _QUERY_PARAMETER: MatchInput.QUERY_PARAMETER,
    },
}

SUPPORT = (
    *(whole(name, category="envoy.matching.network.input") for name in _OF_CONNECTIONS),
    Fields(
        _FILTER_STATE,
        implemented="key",
        rejected={"field": "objects of filter state are texts here"},
        category="envoy.matching.network.input",
    ),
    whole(_METADATA, category="envoy.matching.network.input"),
    whole(f"{_METADATA}.PathSegment"),
    *(
        whole(name, category="envoy.matching.http.input")
        for name in (*_HEADERS, *_OF_RESPONSES, *_OF_CERTIFICATES, _QUERY_PARAMETER)
    ),
    whole(_ENVIRONMENT, category="envoy.matching.common_inputs"),
)


def compile_input(
    ctx: CompileContext, source: XdsExtension | EnvoyExtension, asked: Asked, at: str
) -> MatchInput:
    """One input of a tree; one that such trees cannot have is reported."""
    message = ctx.unpack(source.typed_config)
    if message is None:
        return MatchInput()
    name = message.DESCRIPTOR.full_name
    if name == _FILTER_STATE:
        state = cast("network.FilterStateInput", message)
        return MatchInput(kind=MatchInput.FILTER_STATE, path=[state.key])
    if name == _ENVIRONMENT:
        value = ctx.environment.get(cast("input_pb2.Config", message).name)
        return MatchInput(kind=MatchInput.CONSTANT, path=[] if value is None else [value])
    kind = _KNOWN[asked].get(name)
    if kind is None:
        known = ", ".join(sorted((*_KNOWN[asked], _FILTER_STATE, _ENVIRONMENT)))
        ctx.unimplemented(at, f"matching input {name}", known)
        return MatchInput()
    return MatchInput(kind=kind, path=_path(name, message))


def _path(name: str, message: Message) -> list[str]:
    if name == _METADATA:
        metadata = cast("network.DynamicMetadataInput", message)
        return [metadata.filter, *(segment.key for segment in metadata.path)]
    if name in _HEADERS:
        return [cast("http.HttpRequestHeaderMatchInput", message).header_name.lower()]
    if name == _QUERY_PARAMETER:
        return [cast("http.HttpRequestQueryParamMatchInput", message).query_param]
    return []
