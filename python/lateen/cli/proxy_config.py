"""`lateen proxy-config`: what a running proxy has for a configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeAlias
from urllib.parse import urlencode

import typer

from lateen.proxy_config import clusters, dump, endpoints, listeners, routes, secrets
from lateen.proxy_config.report import FORMATS, serialized, written
from lateen.proxy_config.source import Admin, Saved, Source, SourceError
from lateen.proxy_config.tree import child

AdminOption: TypeAlias = Annotated[
    str, typer.Option("--admin", metavar="HOST:PORT", help="the proxy's admin interface")
]
FileOption: TypeAlias = Annotated[
    Path | None, typer.Option("--file", "-f", help="what /config_dump told, in place of a proxy")
]
OutputOption: TypeAlias = Annotated[
    str, typer.Option("--output", "-o", help=f"one of {', '.join(FORMATS)}")
]
PortOption: TypeAlias = Annotated[int, typer.Option("--port", help="this one alone")]
AddressOption: TypeAlias = Annotated[str, typer.Option("--address", help="this one alone")]

_ADMIN = "127.0.0.1:15000"
app = typer.Typer(no_args_is_help=True, help="Show what a running proxy is configured to do.")


def _print(form: str, make: Callable[[], str]) -> None:
    """Print what is made; a mistake is told and ends with 1."""
    try:
        if form not in FORMATS:
            raise SourceError(f"--output: {form!r} is none of {', '.join(FORMATS)}")
        print(make())
    except SourceError as error:
        print(f"lateen proxy-config: {error}", file=sys.stderr)
        sys.exit(1)


def _source(admin: str, file: Path | None) -> Source:
    return Saved(file) if file is not None else Admin(admin)


@app.command()
def cluster(
    admin: AdminOption = _ADMIN,
    file: FileOption = None,
    output: OutputOption = "short",
    fqdn: Annotated[str, typer.Option(help="of the service")] = "",
    port: PortOption = 0,
    subset: Annotated[str, typer.Option(help="by name")] = "",
    direction: Annotated[str, typer.Option(help="inbound or outbound")] = "",
) -> None:
    """Clusters: services, ports and subsets that the proxy can call."""
    wanted = clusters.Filter(fqdn, port, subset, direction)

    def make() -> str:
        told = _source(admin, file).dump()
        return written(clusters.table(told, wanted), clusters.selected(told, wanted), output)

    _print(output, make)


@app.command()
def listener(
    admin: AdminOption = _ADMIN,
    file: FileOption = None,
    output: OutputOption = "short",
    address: AddressOption = "",
    port: PortOption = 0,
    kind: Annotated[str, typer.Option("--type", help="HTTP or TCP")] = "",
) -> None:
    """Listeners, their filter chains and where these lead."""
    wanted = listeners.Filter(address, port, kind)

    def make() -> str:
        told = _source(admin, file).dump()
        return written(listeners.table(told, wanted), listeners.selected(told, wanted), output)

    _print(output, make)


@app.command()
def route(
    admin: AdminOption = _ADMIN,
    file: FileOption = None,
    output: OutputOption = "short",
    name: Annotated[str, typer.Option(help="of a route table")] = "",
) -> None:
    """Routes, in the order in which they are tried."""

    def make() -> str:
        told = _source(admin, file).dump()
        return written(routes.table(told, name), routes.selected(told, name), output)

    _print(output, make)


@app.command()
def endpoint(
    admin: AdminOption = _ADMIN,
    output: OutputOption = "short",
    address: AddressOption = "",
    port: PortOption = 0,
    cluster: Annotated[str, typer.Option(help="by name")] = "",
    status: Annotated[str, typer.Option(help="such as healthy")] = "",
) -> None:
    """Endpoints, and whether they get traffic."""
    wanted = endpoints.Filter(address, port, cluster, status)

    def make() -> str:
        told = Admin(admin).clusters()
        return written(endpoints.table(told, wanted), endpoints.selected(told, wanted), output)

    _print(output, make)


@app.command()
def secret(
    admin: AdminOption = _ADMIN, file: FileOption = None, output: OutputOption = "short"
) -> None:
    """Certificates and trusted roots, without private keys."""

    def make() -> str:
        told = _source(admin, file).dump()
        return written(secrets.table(told, datetime.now(UTC)), secrets.selected(told), output)

    _print(output, make)


@app.command()
def log(
    admin: AdminOption = _ADMIN,
    level: Annotated[
        str, typer.Option(metavar="LEVEL|NAME:LEVEL,...", help="set these first")
    ] = "",
) -> None:
    """Levels of the proxy's loggers."""
    pairs = [one.partition(":") for one in level.split(",") if one]
    query = {name if colon else "level": value if colon else name for name, colon, value in pairs}
    _print("short", lambda: Admin(admin).levels(f"?{urlencode(query)}" if query else "").rstrip())


@app.command()
def bootstrap(
    admin: AdminOption = _ADMIN, file: FileOption = None, output: OutputOption = "json"
) -> None:
    """The configuration that the proxy was started with."""

    def make() -> str:
        found = dump.part(_source(admin, file).dump(), "BootstrapConfigDump")
        return serialized(child(found, "bootstrap"), "yaml" if output == "yaml" else "json")

    _print(output, make)


@app.command("all")
def everything(
    admin: AdminOption = _ADMIN, file: FileOption = None, output: OutputOption = "short"
) -> None:
    """Clusters, listeners, routes, secrets and, of a running proxy, endpoints."""

    def make() -> str:
        source = _source(admin, file)
        told = source.dump()
        if output != "short":
            return serialized(told, output)
        tables = [
            clusters.table(told, clusters.Filter()),
            listeners.table(told, listeners.Filter()),
            routes.table(told, ""),
            secrets.table(told, datetime.now(UTC)),
        ]
        if file is None:
            tables.append(endpoints.table(source.clusters(), endpoints.Filter()))
        return "\n\n".join("\n".join(table.lines()) for table in tables)

    _print(output, make)
