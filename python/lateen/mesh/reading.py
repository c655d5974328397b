"""Reads a mesh file, and tells all that is wrong in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from lateen.config.diagnostics import Diagnostic
from lateen.config.syntax import ConfigSyntaxError
from lateen.control.documents import Path as FieldPath
from lateen.control.documents import read_documents
from lateen.control.model.protocol import Protocol, parse_protocol
from lateen.control.resources.convert import convert
from lateen.control.resources.report import Report
from lateen.mesh.model import MeshFile, Port
from lateen.mesh.workloads import workloads

# What a label and a name of Kubernetes' take (RFC 1123, section 2.1); instances add a number.
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,46}[a-z0-9])?")
_HIGHEST_PORT = 65535
#: Each instance has an address of its own in a network of 256.
MOST_INSTANCES = 200


class MeshFileError(Exception):
    """A mesh file cannot be used.

    Attributes:
        problems: all that is wrong with it.
    """

    def __init__(self, problems: Iterable[Diagnostic]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def read_mesh_file(path: Path) -> MeshFile:
    """Read a mesh file.

    Raises:
        MeshFileError: it cannot be read, or something is wrong in it.
    """
    name = str(path)
    try:
        documents = read_documents(name, path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise MeshFileError([Diagnostic("error", "", f"{reason}", "", name)]) from None
    except ConfigSyntaxError as error:
        found = Diagnostic("error", "", error.message, "", name, error.line, error.column)
        raise MeshFileError([found]) from None
    if len(documents) != 1:
        message = f"a mesh file has one document, this one has {len(documents)}"
        raise MeshFileError([Diagnostic("error", "", message, "", name)])
    report = Report(documents[0])
    made = convert(documents[0].tree, MeshFile, (), report)
    if made is not None:
        _check(made, path.parent, report)
    if made is None or report.refuses:
        raise MeshFileError(report.found)
    return made


def _check(file: MeshFile, base: Path, report: Report) -> None:
    _check_names(file, report)
    if not (base / file.resources).is_dir():
        message = f"{base / file.resources} is no directory"
        report.error(("resources",), message, "make it, even if it is empty")
    for name, service in file.services.items():
        at: FieldPath = ("services", name)
        _check_ports(service.ports, at, report)
        _check_count(service.replicas, at, report)
        _check_directory(base, service.directory, at, report)
        if not service.versions and not service.command:
            report.error(at, "the service has no command", "a list: [python3, reviews.py]")
        for version, one in service.versions.items():
            below: FieldPath = (*at, "versions", version)
            _check_count(one.replicas or 0, below, report)
            _check_directory(base, one.directory, below, report)
            if not (one.command or service.command):
                report.error(below, "neither the version nor the service has a command")
    for name, gateway in file.gateways.items():
        _check_ports(gateway.ports, ("gateways", name), report)
        _check_count(gateway.replicas, ("gateways", name), report)
        if name in file.services:
            report.error(("gateways", name), f"a service is called {name!r}, too", "rename one")
    total = sum(one.replicas for one in workloads(file))
    if total > MOST_INSTANCES:
        report.error((), f"{total} instances are more than the {MOST_INSTANCES} that a mesh has")


def _check_names(file: MeshFile, report: Report) -> None:
    named: list[tuple[FieldPath, str]] = [(("namespace",), file.namespace)]
    for kind, every in (("services", file.services), ("gateways", file.gateways)):
        named += [((kind, name), name) for name in every]
        for name, one in every.items():
            named += [((kind, name, "namespace"), one.namespace or file.namespace)]
            named += [((kind, name, "serviceAccount"), one.service_account or "default")]
    for name, service in file.services.items():
        named += [(("services", name, "versions", one), one) for one in service.versions]
    for path, name in named:
        if not _NAME.fullmatch(name):
            hint = "at most 48 lower-case letters, digits and '-', a letter first"
            report.error(path, f"{name!r} is no name", hint)


def _check_ports(ports: tuple[Port, ...], at: FieldPath, report: Report) -> None:
    if not ports:
        report.error((*at, "ports"), "there is no port")
    names, numbers = Counter(one.full_name for one in ports), Counter(one.port for one in ports)
    for index, port in enumerate(ports):
        here: FieldPath = (*at, "ports", index)
        if not 0 < port.port <= _HIGHEST_PORT:
            report.error((*here, "port"), f"{port.port} is no port (1 to {_HIGHEST_PORT})")
        if not 0 <= port.target_port <= _HIGHEST_PORT:
            report.error((*here, "targetPort"), f"{port.target_port} is no port")
        if port.protocol and parse_protocol(port.protocol) is Protocol.UNSUPPORTED:
            known = ", ".join(one.value for one in Protocol if one is not Protocol.UNSUPPORTED)
            report.error((*here, "protocol"), f"{port.protocol!r} is none of {known}")
        if not _NAME.fullmatch(port.full_name):
            report.error((*here, "name"), f"{port.name!r} is no name of a port", "as http-web")
        if names[port.full_name] > 1:
            message = f"two ports are called {port.full_name!r}"
            report.error((*here, "name"), message, "give each a name: http-web, http-admin")
        if numbers[port.port] > 1:
            report.error((*here, "port"), f"the service has port {port.port} twice")


def _check_count(replicas: int, at: FieldPath, report: Report) -> None:
    if replicas < 0:
        report.error((*at, "replicas"), f"{replicas} is no number of instances")


def _check_directory(base: Path, directory: str, at: FieldPath, report: Report) -> None:
    if not (base / directory).is_dir():
        report.error((*at, "directory"), f"{base / directory} is no directory")
