"""The commands of format strings: which exist in Envoy 1.40, what each is given, which run here.

Source: Envoy docs, "Access logging", command operators; arguments and errors as in Envoy 1.40.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envoy.config.core.v3.cel_pb2 import CelExpressionConfig

_PLAIN = """
ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_ID
CONNECTION_TERMINATION_DETAILS CUSTOM_FLAGS DOWNSTREAM_CX_RTT
DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT
DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DIRECT_LOCAL_ADDRESS
DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_DIRECT_LOCAL_PORT
DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_HANDSHAKE_DURATION
DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_LOCAL_ADDRESS
DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_LOCAL_DNS_SAN
DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN DOWNSTREAM_LOCAL_OTHERNAME_SAN
DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT
DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256
DOWNSTREAM_PEER_CHAIN_SERIALS DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_EMAIL_SAN
DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_IP_SAN
DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL
DOWNSTREAM_PEER_OTHERNAME_SAN DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT
DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_PORT DOWNSTREAM_TLS_CIPHER
DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION
DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT
DURATION FILTER_CHAIN_NAME GRPC_STATUS_NUMBER HOSTNAME LISTENER_NAME LOCAL_REPLY_BODY
PACKETS_RETRANSMITTED PROTOCOL REQUEST_DURATION REQUEST_HEADERS_BYTES REQUEST_TX_DURATION
RESPONSE_CODE RESPONSE_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES
RESPONSE_TRAILERS_BYTES RESPONSE_TX_DURATION ROUNDTRIP_DURATION ROUTE_NAME ROUTE_RESOLUTION_COUNT
ROUTE_RESOLUTION_TIME_US SPAN_ID STREAM_ID
TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT TRACE_ID UNIQUE_ID UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW
UPSTREAM_CONNECTION_ID UPSTREAM_CONNECTION_IDS_ATTEMPTED UPSTREAM_CONNECTION_POOL_READY_DURATION
UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT
UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT
UPSTREAM_HOST UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME
UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT
UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_CLOSE_REASON
UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_PORT UPSTREAM_LOCAL_URI_SAN
UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER
UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS
UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REMOTE_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT
UPSTREAM_SERVER_NAME UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP UPSTREAM_TLS_SESSION_ID
UPSTREAM_TLS_VERSION UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_WIRE_BYTES_RECEIVED
UPSTREAM_WIRE_BYTES_SENT VIRTUAL_CLUSTER_NAME
"""
_OPTIONAL_ARGUMENT = """
DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT
DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_PEER_CERT_V_END DOWNSTREAM_PEER_CERT_V_START
DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT EMIT_TIME EMIT_TIME_LOCAL GRPC_STATUS
REQUESTED_SERVER_NAME RESPONSE_CODE_DETAILS START_TIME START_TIME_LOCAL
UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_PEER_CERT_V_END UPSTREAM_PEER_CERT_V_START
UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
"""
_OPTIONAL_ARGUMENT_AND_LENGTH = "PATH QUERY_PARAMS FILTER_STATE UPSTREAM_FILTER_STATE METADATA"
_ARGUMENT = "CLUSTER_METADATA COMMON_DURATION UPSTREAM_METADATA"
_ARGUMENT_AND_LENGTH = """
CEL COALESCE DYNAMIC_METADATA ENVIRONMENT QUERY_PARAM REQ REQUEST_HEADER RESP RESPONSE_HEADER
RESPONSE_TRAILER STREAM_INFO_REQ TRAILER TYPED_CEL XFCC_VALUE
"""

# What `formatters` can add: the extension's message, and its commands.
FORMATTERS = {
    "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery": "REQ_WITHOUT_QUERY",
    "envoy.extensions.formatter.metadata.v3.Metadata": "METADATA",
}
NOT_IMPLEMENTED = frozenset(("DOWNSTREAM_CX_RTT",))
# Their argument is an expression of CEL.
EXPRESSIONS = frozenset(("CEL", "TYPED_CEL"))

_HEADER_COMMANDS = frozenset(
    [
        "REQ",
        "REQ_WITHOUT_QUERY",
        "RESP",
        "TRAILER",
        "REQUEST_HEADER",
        "RESPONSE_HEADER",
        "RESPONSE_TRAILER",
    ]
)
_HEADER_ALTERNATIVES = 2
_BAD_HEADER_TEXT = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z:-]")
_DURATION_PARTS = 2
_DURATION_PRECISIONS = frozenset(("ms", "us", "ns"))
_GRPC_STATUS_FORMATS = frozenset(("CAMEL_STRING", "SNAKE_STRING", "NUMBER"))
_PATH_QUERY = frozenset(("WQ", "NQ"))
_PATH_SOURCE = frozenset(("ORIG", "PATH", "ORIG_OR_PATH"))
_QUERY_PARAMS = frozenset(("ORIG", "DECODED"))
_SERVER_NAME = frozenset(("SNI_ONLY", "SNI_FIRST", "HOST_FIRST"))
_METADATA_KINDS = frozenset(
    [
        "DYNAMIC",
        "CLUSTER",
        "ROUTE",
        "UPSTREAM_HOST",
        "LISTENER",
        "LISTENER_FILTER_CHAIN",
        "VIRTUAL_HOST",
    ]
)
_STATE_FORMATS = frozenset(("PLAIN", "TYPED", "FIELD"))


class Argument(Enum):
    """Whether a command has text between parentheses."""

    NONE = 0
    OPTIONAL = 1
    REQUIRED = 2


@dataclass(frozen=True)
class CommandRule:
    """What may follow a command's name.

    Attributes:
        argument: text between parentheses.
        length: how much of the value is shown at most.
        functions: what an expression that is the argument may call; None: the usual functions.
    """

    argument: Argument
    length: bool
    functions: CelExpressionConfig | None = None


@functools.cache
def command_rules() -> dict[str, CommandRule]:
    """The rule of every command of Envoy 1.40, by name."""
    groups = (
        (_PLAIN, CommandRule(Argument.NONE, length=False)),
        (_OPTIONAL_ARGUMENT, CommandRule(Argument.OPTIONAL, length=False)),
        (_OPTIONAL_ARGUMENT_AND_LENGTH, CommandRule(Argument.OPTIONAL, length=True)),
        (_ARGUMENT, CommandRule(Argument.REQUIRED, length=False)),
        (_ARGUMENT_AND_LENGTH, CommandRule(Argument.REQUIRED, length=True)),
    )
    return {name: rule for names, rule in groups for name in names.split()}


def check_command(
    rules: Mapping[str, CommandRule], name: str, argument: str | None, length: int | None
) -> str | None:
    """Why Envoy refuses a command, in Envoy's words; None when it does not."""
    rule = rules.get(name)
    if rule is None:
        return f"Not supported field in StreamInfo: {name}"
    if rule.argument is Argument.NONE and (argument is not None or length is not None):
        return f"{name} does not take any parameters or length"
    if rule.argument is Argument.REQUIRED and not argument:
        return f"{name} requires parameters"
    if length is not None and not rule.length:
        return f"{name} does not allow length to be specified."
    return _check_argument(name, argument or "")


def _check_argument(name: str, argument: str) -> str | None:
    if name in _HEADER_COMMANDS:
        return _check_header_names(argument)
    check = {
        "COMMON_DURATION": _check_duration,
        "FILTER_STATE": _check_filter_state,
        "UPSTREAM_FILTER_STATE": _check_filter_state,
        "GRPC_STATUS": _check_grpc_status,
        "METADATA": _check_metadata,
        "PATH": _check_path,
        "QUERY_PARAMS": _check_query_params,
        "REQUESTED_SERVER_NAME": _check_server_name,
    }.get(name)
    return check(argument) if check is not None else None


def _check_header_names(argument: str) -> str | None:
    names = argument.split("?")
    if len(names) > _HEADER_ALTERNATIVES:
        return f"More than 1 alternative header specified in token: {argument}"
    if any(_BAD_HEADER_TEXT.search(name) for name in names):
        return "Invalid header configuration. Format string contains invalid characters."
    return None


def _check_duration(argument: str) -> str | None:
    points, _, precision = argument.partition(":")[2].partition(":")
    if not points:
        return f"Invalid common duration configuration: {argument}."
    if precision and precision not in _DURATION_PRECISIONS:
        return f"Invalid common duration precision: {precision}."
    return None


def _check_filter_state(argument: str) -> str | None:
    key, _, rest = argument.partition(":")
    form, _, field = rest.partition(":")
    if not key:
        return "Invalid filter state configuration, key cannot be empty."
    if form and form not in _STATE_FORMATS:
        return "Invalid filter state serialize type, only support PLAIN/TYPED/FIELD."
    if form == "FIELD" and not field:
        return "Invalid filter state serialize type, FIELD should be used with the field name."
    return None


def _check_grpc_status(argument: str) -> str | None:
    if argument and argument not in _GRPC_STATUS_FORMATS:
        return (
            "GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER."
            f" Got: {argument}"
        )
    return None


def _check_metadata(argument: str) -> str | None:
    kind = argument.partition(":")[0]
    return None if kind in _METADATA_KINDS else f"{kind} is not supported type of metadata"


def _check_path(argument: str) -> str | None:
    query, _, source = argument.partition(":")
    if query and query not in _PATH_QUERY:
        return f"Invalid PATH option: '{query}', only 'WQ'/'NQ' are allowed"
    if source and source not in _PATH_SOURCE:
        return f"Invalid PATH option: '{source}', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed"
    return None


def _check_query_params(argument: str) -> str | None:
    if argument and argument not in _QUERY_PARAMS:
        return f"Invalid QUERY_PARAMS option: '{argument}', only 'ORIG'/'DECODED' are allowed"
    return None


def _check_server_name(argument: str) -> str | None:
    name = argument.partition(":")[0]
    if name and name not in _SERVER_NAME:
        return (
            f"Invalid REQUESTED_SERVER_NAME option: '{name}', only"
            " 'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST' are allowed"
        )
    return None
