"""`lateen analyze`: says what is likely wrong with manifests together, as `istioctl analyze`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lateen.control.analyze.command import Format, Options, run_analysis
from lateen.control.analyze.message import Level

_LEVELS = ", ".join(str(level) for level in Level)


def run(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="DIR|FILE...", help="manifests; - is standard input"),
    ] = None,
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAME",
            help="of manifests that say none; others are not told",
        ),
    ] = "",
    output: Annotated[
        Format, typer.Option("--output", "-o", help="how messages are printed")
    ] = Format.TEXT,
    suppress: Annotated[
        list[str] | None,
        typer.Option("--suppress", "-S", metavar="CODE=RESOURCE", help="not told; * is any text"),
    ] = None,
    failure_threshold: Annotated[
        str, typer.Option(metavar="LEVEL", help=f"from which on the exit code is 79: {_LEVELS}")
    ] = "Error",
    output_threshold: Annotated[
        str, typer.Option(metavar="LEVEL", help=f"from which on messages are printed: {_LEVELS}")
    ] = "Info",
    analyzer: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="runs; default: all do")
    ] = None,
    list_analyzers: Annotated[
        bool, typer.Option("--list-analyzers", "-L", help="print the names of analyzers")
    ] = False,
    mesh_config_file: Annotated[
        str, typer.Option(metavar="FILE", help="MeshConfig, in place of the ConfigMap istio")
    ] = "",
    mesh_networks_file: Annotated[
        str, typer.Option(metavar="FILE", help="MeshNetworks, in place of the ConfigMap istio")
    ] = "",
) -> int:
    """Say what is likely wrong with manifests together, with Istio's message codes.

    The exit code is 79 if a message is at or above the threshold, 65 if a file cannot be read as
    YAML, and 0 otherwise; with -o json and yaml the messages alone say it.
    """
    try:
        options = Options.parse(
            paths or [],
            namespace=namespace,
            output=output,
            suppress=suppress or [],
            thresholds=(failure_threshold, output_threshold),
            analyzers=analyzer or [],
            settings_files=(mesh_config_file, mesh_networks_file),
        )
        return run_analysis(options, list_analyzers=list_analyzers)
    except (OSError, ValueError) as error:
        print(f"lateen analyze: {error}", file=sys.stderr)
        return 1
