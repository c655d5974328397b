"""`lateen explain`: why a call goes where it goes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from lateen.control.explain.explain import explain, explain_gateway
from lateen.control.explain.report import as_json, as_text
from lateen.control.explain.sources import Sources
from lateen.control.explain.wanted import UrlError, parse_claims, wanted
from lateen.control.explain.workloads import NoWorkloadError
from lateen.control.offline import load

_OUTPUTS = ("text", "json")


def run(
    url: Annotated[str, typer.Argument(metavar="URL", help="http, grpc, https, tls or tcp")],
    from_: Annotated[
        str, typer.Option("--from", metavar="SERVICE", help="service or workload that calls")
    ] = "",
    through: Annotated[
        str, typer.Option(metavar="GATEWAY", help="service that is called from outside the mesh")
    ] = "",
    mesh: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="with manifests; several are one mesh [default: .]"),
    ] = None,
    method: Annotated[str, typer.Option("--method", "-X", help="of the request")] = "GET",
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="'NAME: VALUE'")
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="of the request's token; a comma makes a list"),
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="where among weights the call is, from 0 to 1")
    ] = 0.0,
    domain: Annotated[str, typer.Option(help="of the cluster")] = "cluster.local",
    output: Annotated[str, typer.Option("--output", "-o", help="text or json")] = "text",
) -> int:
    """Tell which listener, chain, route, cluster, endpoint and policy decide about a call.

    Each with the resource, file and line it comes from, and why the others were not taken. The
    call is not sent.
    """
    try:
        if output not in _OUTPUTS:
            raise UrlError(f"--output: {output!r} is none of {', '.join(_OUTPUTS)}")
        if bool(from_) == bool(through):
            raise UrlError("either --from SERVICE or --through GATEWAY says where the call begins")
        call = wanted(url, method, header or [], parse_claims(claim))
        found, problems = load(mesh or [Path()], domain)
        follow = explain if from_ else explain_gateway
        explanation = follow(found, call, from_ or through, share)
    except (UrlError, NoWorkloadError, FileNotFoundError) as error:
        print(f"lateen explain: {error}", file=sys.stderr)
        return 1
    for problem in problems:
        print(problem, file=sys.stderr)
    sources = Sources(found)
    if output == "json":
        print(json.dumps(as_json(explanation, sources), indent=2))
    else:
        print("\n".join(as_text(explanation, sources)))
    return 0
