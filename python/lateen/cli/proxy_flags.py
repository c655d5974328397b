"""The flags of `lateen proxy`: Envoy's, and a few of our own."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from lateen.cli.flags import Flag, FlagValue, ValueProblem, number, one_of, text
from lateen.proxy.log.levels import Level, LevelError, parse_component_levels, parse_level
from lateen.proxy.options import Resolution
from lateen.proxy.script_plan import ScriptPlan, script_of


def _level(value: str) -> Level:
    try:
        return parse_level(value)
    except LevelError as error:
        raise ValueProblem(str(error)) from None


def _component_levels(value: str) -> str:
    try:
        parse_component_levels(value)
    except LevelError as error:
        raise ValueProblem(str(error)) from None
    return value


def _octal(value: str) -> int:
    try:
        return int(value, 8)
    except ValueError:
        raise ValueProblem(f"'{value}' is not an octal file mode") from None


def _extensions(value: str) -> tuple[str, ...]:
    return tuple(filter(None, value.split(",")))


def _stats_tag(value: str) -> str:
    name, colon, tag = value.partition(":")
    if not (colon and name.isalnum() and tag) or "." in tag:
        raise ValueProblem(f"'{value}' is not a tag:value, alphanumeric name, no dot in the value")
    return value


def _port(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or not 0 < int(value) < 65536:
        raise ValueProblem(f"'{value}' is not a port")
    return int(value)


def parse_resolution(value: str) -> Resolution:
    """`HOST:PORT=ADDRESS:PORT`, an IPv6 address in brackets.

    Raises:
        ValueProblem: it is not that.
    """
    source, equals, target = value.partition("=")
    host, colon, port = source.rpartition(":")
    address, target_colon, to_port = target.rpartition(":")
    if not (equals and host and colon and address and target_colon):
        raise ValueProblem(f"'{value}' is not HOST:PORT=ADDRESS:PORT")
    address = address.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise ValueProblem(f"'{address}' is not an IP address") from None
    return Resolution(host, _port(port), address, _port(to_port))


def _filter(value: str) -> ScriptPlan:
    try:
        return script_of(value)
    except ValueError as error:
        raise ValueProblem(str(error)) from None


_ENVOY: tuple[Flag[FlagValue], ...] = (
    Flag(
        ("-c", "--config-path"), "the configuration file (.yaml, .yml, .json, .pb, .pb_text)", text
    ),
    Flag(("--config-yaml",), "YAML that is merged over the file", text),
    Flag(
        ("--mode",),
        "serve (the default), validate or init_only",
        one_of("serve", "validate", "init_only"),
    ),
    Flag(
        ("--concurrency",),
        "number of workers (default: the cores that may be used)",
        number,
        "NUMBER",
    ),
    Flag(("-l", "--log-level"), "trace, debug, info, warning, error, critical or off", _level),
    Flag(
        ("--component-log-level",),
        "levels of components: upstream:debug,config:trace",
        _component_levels,
    ),
    Flag(("--log-format",), "format of the log in spdlog's syntax, or json", text),
    Flag(("--log-format-escaped",), "escape line breaks and tabs in the log"),
    Flag(("--log-path",), "file of the log (default: standard error)", text),
    Flag(("--service-node",), "id of this node", text),
    Flag(("--service-cluster",), "name of the cluster this node belongs to", text),
    Flag(("--service-zone",), "zone of this node", text),
    Flag(("--drain-time-s",), "how long draining may take (default: 600)", number, "SECONDS"),
    Flag(
        ("--drain-strategy",), "gradual (the default) or immediate", one_of("gradual", "immediate")
    ),
    Flag(
        ("--parent-shutdown-time-s",),
        "when the parent of a hot restart ends (default: 900)",
        number,
        "SECONDS",
    ),
    Flag(
        ("--file-flush-interval-msec",),
        "how often access logs are written (default: 10000)",
        number,
        "MS",
    ),
    Flag(
        ("--file-flush-min-size-kb",),
        "accepted, has no effect: access logs are written at 64 KB",
        number,
        "KB",
    ),
    Flag(("--admin-address-path",), "file that the admin address is written to", text),
    Flag(("--allow-unknown-static-fields",), "accept unknown fields in the configuration"),
    Flag(("--allow-unknown-fields",), "the same (deprecated)"),
    Flag(("--reject-unknown-dynamic-fields",), "refuse unknown fields of xDS resources"),
    Flag(("--ignore-unknown-dynamic-fields",), "do not warn of unknown fields of xDS resources"),
    Flag(
        ("--stats-tag",),
        "a tag:value that every stat gets",
        _stats_tag,
        "TAG:VALUE",
        repeatable=True,
    ),
    Flag(("--base-id",), "number of this proxy on the machine", number, "NUMBER"),
    Flag(("--base-id-path",), "file that the base id is written to", text),
    Flag(("--use-dynamic-base-id",), "choose the base id"),
    Flag(("--restart-epoch",), "take over from the process of the epoch before", number, "NUMBER"),
    Flag(("--disable-hot-restart",), "be no parent and no child"),
    Flag(("--hot-restart-version",), "print the version of hot restart and exit"),
    Flag(("--skip-hot-restart-on-no-parent",), "start alone if there is no parent"),
    Flag(("--skip-hot-restart-parent-stats",), "let the stats begin at 0"),
    Flag(("--skip-deprecated-logs",), "do not warn of deprecated fields"),
    Flag(("--local-address-ip-version",), "v4 (the default) or v6", one_of("v4", "v6")),
    Flag(("--cpuset-threads",), "accepted: the default of --concurrency respects cpusets anyway"),
    Flag(("--enable-fine-grain-logging",), "accepted, has no effect"),
    Flag(("--enable-mutex-tracing",), "accepted, has no effect"),
    Flag(("--enable-core-dump",), "accepted, has no effect"),
    Flag(("--log-stacktrace-single-entry",), "accepted, has no effect"),
    Flag(
        ("--disable-extensions",),
        "not supported",
        _extensions,
        "NAMES",
    ),
    Flag(
        ("--socket-path",),
        "begin of the hot restart socket's name, @ for abstract (default: @envoy_domain_socket)",
        text,
    ),
    Flag(
        ("--socket-mode",),
        "mode of the hot restart socket's file (default: 600)",
        _octal,
        "MODE",
    ),
    Flag(("--version",), "print the version and exit"),
    Flag(("-h", "--help"), "print this and exit"),
)

_OURS: tuple[Flag[FlagValue], ...] = (
    Flag(("--strict",), "what will hardly be meant is an error, not a warning"),
    Flag(
        ("--resolve",),
        "an answer that replaces DNS, as curl's",
        parse_resolution,
        "HOST:PORT=ADDRESS:PORT",
        repeatable=True,
    ),
    Flag(
        ("--filter",),
        "a Python filter that every request passes first",
        _filter,
        "FILE:NAME",
        repeatable=True,
    ),
    Flag(("--log-json",), "the log as JSON, one object a line (as --log-format json)"),
)

PROXY_FLAGS: Sequence[Flag[FlagValue]] = (*_ENVOY, *_OURS)
