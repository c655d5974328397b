"""The examples of docs/library.md, run as they stand there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import bootstrap

TEXT = (Path(__file__).resolve().parents[3] / "docs/library.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)
PROGRAMS = [each for each in SNIPPETS if "def test_" not in each]
TESTS = [each for each in SNIPPETS if "def test_" in each]


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (directory / "envoy.yaml").write_text(json.dumps(bootstrap(0, 1)))
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs(program: str, tmp_path: Path) -> None:
    done = run(tmp_path, "-c", program)
    assert (done.returncode, done.stderr) == (0, "")


def test_tests(tmp_path: Path) -> None:
    (tmp_path / "test_docs.py").write_text("\n".join(TESTS))
    plugins = ["-p", "no:lateen", "-p", "no:cacheprovider", "-p", "lateen.testing.plugin"]
    done = run(tmp_path, "-m", "pytest", "-q", *plugins)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_there_are_examples() -> None:
    assert (len(PROGRAMS), len(TESTS)) == (3, 1)
