import os
import sys
import time
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.process import Process

CORES = sorted(os.sched_getaffinity(0))[:1]
BUSY_CHILD = """
import os, time
if os.fork() == 0:
    end = time.process_time() + 0.2
    while time.process_time() < end: pass
    print("worked", flush=True)
    time.sleep(60)
time.sleep(60)
"""


def test_the_time_of_children_counts(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with Process([sys.executable, "-c", BUSY_CHILD], cores=CORES, output=output) as process:
        while "worked" not in output.read_text():
            process.check_alive()
        assert process.cpu_ns() > 200_000_000
        assert process.pss_bytes() > 1_000_000


def test_leaving_the_block_ends_the_whole_group(tmp_path: Path) -> None:
    output = tmp_path / "output"
    code = "import os, time; os.fork(); print(os.getpid(), flush=True); time.sleep(60)"
    with Process([sys.executable, "-c", code], cores=CORES, output=output) as process:
        while len(output.read_text().split()) < 2:
            process.check_alive()
        pids = [int(pid) for pid in output.read_text().split()]
        assert process.pid in pids
    # A process that was killed runs until it takes notice.
    limit = time.monotonic() + 10
    while running := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < limit, running


def is_running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_the_end(process: Process) -> None:
    while True:
        process.check_alive()


def test_a_command_that_fails_is_reported_with_its_words(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "import sys; sys.exit('no such upstream')"]
    with (
        Process(argv, cores=CORES, output=tmp_path / "output") as process,
        pytest.raises(BenchError, match=r"(?s)exited with 1.*no such upstream"),
    ):
        wait_for_the_end(process)
