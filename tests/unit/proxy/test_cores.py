import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lateen.proxy.cores import usable_cores


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    return tmp_path / "own"


def test_affinity_alone(tmp_path, own):
    assert usable_cores(tmp_path, own) == 8


@pytest.mark.parametrize(
    ("quota", "cores"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8)]
)
def test_cgroup_v2(tmp_path, own, quota, cores):
    own.write_text("0::/a/b\n")
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "cpu.max").write_text(quota + "\n")
    assert usable_cores(tmp_path, own) == cores


def test_a_cgroup_above_may_limit_more(tmp_path, own):
    own.write_text("0::/a/b\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "cpu.max").write_text("400000 100000")
    (tmp_path / "a" / "cpu.max").write_text("300000 100000")
    assert usable_cores(tmp_path, own) == 3


def test_cgroup_v1(tmp_path, own):
    own.write_text("4:memory:/x\n3:cpu,cpuacct:/x\n")
    folder = tmp_path / "cpu,cpuacct" / "x"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("200000")
    (folder / "cpu.cfs_period_us").write_text("100000")
    assert usable_cores(tmp_path, own) == 2
    (folder / "cpu.cfs_quota_us").write_text("-1")
    assert usable_cores(tmp_path, own) == 8


@pytest.fixture
def half_a_core():
    """A cgroup of this machine's own that may use half a core."""
    root = Path("/sys/fs/cgroup")
    v2 = (root / "cgroup.controllers").exists()
    folder = (root if v2 else root / "cpu") / f"lateen-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"cgroups cannot be made here: {error}")
    try:
        if v2:
            (folder / "cpu.max").write_text("50000 100000")
        else:
            (folder / "cpu.cfs_quota_us").write_text("50000")
        yield folder
    except FileNotFoundError as error:
        pytest.skip(f"cgroups have no quota here: {error}")
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()


def test_a_real_cgroup_limits_a_process(half_a_core):
    asked = "from lateen.proxy.cores import usable_cores; print(usable_cores())"
    entered = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    command = ["sh", "-c", entered, str(half_a_core), sys.executable, "-c", asked]
    assert subprocess.check_output(command, timeout=30) == b"1\n"
    if len(os.sched_getaffinity(0)) > 1:
        assert subprocess.check_output(command[4:], timeout=30) != b"1\n"
