"""`lateen validate`: says whether each manifest is one that Istio takes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lateen.control.analyze.load import load
from lateen.control.resources.reading import manifests, read_resource


def run(
    paths: Annotated[
        list[str], typer.Argument(metavar="DIR|FILE...", help="manifests; - is standard input")
    ],
) -> int:
    """Say what is wrong with each manifest alone, with file, line, column and field.

    The exit code is 1 if Istio would refuse one.
    """
    try:
        loaded = load(paths)
    except FileNotFoundError as error:
        print(f"lateen validate: {error}", file=sys.stderr)
        return 1
    problems = list(loaded.problems)
    for document in loaded.documents:
        for manifest in manifests(document):
            problems += read_resource(manifest)[1].found
    for problem in problems:
        print(problem, file=sys.stderr)
    refused = {problem.file for problem in problems if problem.severity == "error"}
    for file in loaded.files:
        if file not in refused:
            print(f"{file} is valid")
    return 1 if refused else 0
