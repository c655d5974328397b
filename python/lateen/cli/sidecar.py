"""`lateen sidecar`: runs a proxy of a mesh, its agent, and the application beside them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from lateen.agent.child import ChildError
from lateen.agent.names.forward import Resolver
from lateen.agent.names.server import NameServerError
from lateen.agent.options import INTERCEPTION, TYPES, Options, OptionsError
from lateen.agent.run import Sidecar
from lateen.agent.state import StateError
from lateen.agent.status import StatusError
from lateen.cli.flags import (
    Flag,
    FlagValue,
    UsageError,
    ValueProblem,
    help_lines,
    number,
    one_of,
    parse_flags,
    text,
)

_USAGE = """\
usage: lateen sidecar --discovery HOST:PORT --name NAME --namespace NS --ip ADDRESS [flags]
                      [-- COMMAND ...]"""
_NEEDED = ("discovery", "name", "namespace", "ip")


def _label(value: str) -> tuple[str, str]:
    key, equals, content = value.partition("=")
    if not (equals and key):
        raise ValueProblem(f"'{value}' is not KEY=VALUE")
    return key, content


def _port(value: str) -> int:
    if number(value) > 65535:
        raise ValueProblem(f"'{value}' is not a port")
    return number(value)


def _resolver(value: str) -> Resolver:
    try:
        ip_address(value)
    except ValueError:
        address, _, port = value.rpartition(":")
    else:
        address, port = value, "53"
    address = address.removeprefix("[").removesuffix("]")
    try:
        ip_address(address)
    except ValueError:
        raise ValueProblem(f"'{value}' is not an IP address, with a port or without") from None
    return Resolver(address, _port(port))


def _up_to(most: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            found = float(value)
        except ValueError:
            found = -1.0
        if not 0 <= found <= most:
            raise ValueProblem(f"'{value}' is not a number from 0 to {most:g}")
        return found

    return parse


_life, _drain, _part = _up_to(90 * 86400), _up_to(3600), _up_to(1)
FLAGS: Sequence[Flag[FlagValue]] = (
    Flag(("--discovery",), "the control plane", text, "HOST:PORT"),
    Flag(("--plaintext",), "speak to it without TLS, and ask for no certificate"),
    Flag(("--ca-root",), "who must have signed its certificate (PEM)", Path, "FILE"),
    Flag(("--token-file",), "with a join token, for the first certificate", Path, "FILE"),
    Flag(("--name",), "of the instance", text, "NAME"),
    Flag(("--namespace",), "of the workload", text, "NS"),
    Flag(("--service-account",), "whose identity it has", text, "NAME"),
    Flag(("--ip",), "its address", text, "ADDRESS"),
    Flag(("--trust-domain",), "of the mesh (cluster.local)", text, "DOMAIN"),
    Flag(("--certificate-life",), "of its certificates (the authority's)", _life, "SECONDS"),
    Flag(("--grace-ratio",), "part of its life left when it is renewed (0.5)", _part, "RATIO"),
    Flag(("--label",), "of the workload", _label, "KEY=VALUE", repeatable=True),
    Flag(("--locality",), "where it is", text, "REGION/ZONE/SUBZONE"),
    Flag(("--domain",), "of the cluster (cluster.local)", text, "DOMAIN"),
    Flag(("--mesh-id",), "of the mesh (cluster.local)", text, "NAME"),
    Flag(("--type",), f"{' or '.join(TYPES)}, a gateway", one_of(*TYPES), "TYPE"),
    Flag(("--interception",), ", ".join(INTERCEPTION), one_of(*INTERCEPTION), "MODE"),
    Flag(("--admin-port",), "of the proxy's admin interface (15000; 0: a free one)", _port, "PORT"),
    Flag(("--ready-port",), "where readiness is asked for (15021)", _port, "PORT"),
    Flag(("--dns-port",), "where names are answered (15053)", _port, "PORT"),
    Flag(("--dns-capture",), "the application's queries come there"),
    Flag(("--resolver",), "asked for other names", _resolver, "ADDRESS[:PORT]", repeatable=True),
    Flag(("--state",), "the directory of keys and sockets", Path, "DIR"),
    Flag(("--envoy",), "the program of an Envoy that is the proxy", Path, "BINARY"),
    Flag(("--no-istio-filters",), "leave out metadata exchange, ALPN and metrics of Istio"),
    Flag(("--concurrency",), "threads of the proxy (2)", number, "N"),
    Flag(("--proxy-log-level",), "of the proxy (warning)", text, "LEVEL"),
    Flag(("--drain-time",), "how long connections may end (5)", _drain, "SECONDS"),
    Flag(("-h", "--help"), "print this"),
)


def run(arguments: Sequence[str]) -> int:
    """Runs the command; returns the exit code: the application's, where there is one."""
    given = list(arguments)
    end = given.index("--") if "--" in given else len(given)
    try:
        values = parse_flags(FLAGS, given[:end])
        if values.pop("help", False):
            print(_USAGE, *help_lines(FLAGS), sep="\n")
            return 0
        options = _options(values, given[end + 1 :])
    except (UsageError, OptionsError) as error:
        _say(f"{error} (see lateen sidecar --help)")
        return 1
    try:
        return asyncio.run(Sidecar(options, _say).run())
    except (ChildError, NameServerError, StateError, StatusError) as error:
        _say(str(error))
        return 1


def _options(values: dict[str, FlagValue], command: Sequence[str]) -> Options:
    missing = [f"--{name}" for name in _NEEDED if name not in values]
    if missing:
        raise UsageError(f"{', '.join(missing)} must be given")
    labels = cast("Sequence[tuple[str, str]]", values.pop("label", ()))
    values["resolvers"] = values.pop("resolver", ())
    values["certificate_life_s"] = values.pop("certificate_life", Options.certificate_life_s)
    values["drain_s"] = values.pop("drain_time", Options.drain_s)
    values.update(labels=dict(labels), command=command, version=version("lateen"))
    return Options(**values)  # type: ignore[arg-type]


def _say(line: str) -> None:
    print(f"lateen sidecar: {line}", file=sys.stderr, flush=True)
