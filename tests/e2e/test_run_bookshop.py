"""The demonstration of `make run`: the bookshop with a canary."""

import os
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ports import PortLease

BOOKSHOP = Path(__file__).parents[2] / "examples" / "bookshop"


def test_it_shows_a_canary_and_leaves_nothing():
    with subprocess.Popen(
        [sys.executable, str(BOOKSHOP / "run.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as demo:
        lines = []
        try:
            for line in demo.stdout:
                lines.append(line.rstrip())
                if line.startswith("running: "):
                    break
            demo.send_signal(signal.SIGTERM)
            lines += demo.communicate(timeout=60)[0].splitlines()
        finally:
            demo.kill()
    shown = "\n".join(lines)
    assert demo.returncode == 0, shown
    counts = dict(re.findall(r"^  (v\d) █+ (\d+)$", shown, re.MULTILINE))
    assert set(counts) <= {"v1", "v3"}
    assert sum(map(int, counts.values())) == 100
    assert int(counts["v1"]) >= 25
    assert "details was called by spiffe://cluster.local/ns/default/sa/front" in lines
    state = re.search(r"state in (\S+); Ctrl-C", shown)[1]
    assert not Path(state).exists()
    assert not (BOOKSHOP / "active" / "01-canary.yaml").exists()


def test_a_front_page_that_does_not_answer_is_one_line():
    run = runpy.run_path(str(BOOKSHOP / "run.py"))
    shop = object.__new__(run["Shop"])
    with PortLease() as lease:
        shop.front = lease.host, lease.port
        with pytest.raises(run["DemoError"], match=r"the front page does not answer: .*refused"):
            shop.book()
