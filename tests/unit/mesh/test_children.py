"""That no process outlives what it belongs to."""

import subprocess
import sys

from lateen.mesh.children import end_session

GRANDCHILD = """
import subprocess, sys
child = subprocess.Popen(["sleep", "60"], process_group=0)
print(child.pid, flush=True)
child.wait()
"""
NAMED_BY_OTHERS = r"""
import ctypes, time
ctypes.CDLL(None).prctl(15, b"\xff) S 1", 0, 0, 0)  # PR_SET_NAME
print(flush=True)
time.sleep(60)
"""
ORPHANS = """
import os, subprocess
from lateen.mesh.children import adopt_orphans, end_descendants
adopt_orphans()
shell = "setsid sleep 60 > /dev/null & echo $!"
pid = int(subprocess.run(["sh", "-c", shell], stdout=subprocess.PIPE, check=True).stdout)
assert os.path.exists(f"/proc/{pid}")
end_descendants()
assert not os.path.exists(f"/proc/{pid}")
"""


def test_a_session_ends_with_all_its_groups():
    argv = [sys.executable, "-c", GRANDCHILD]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as leader:
        assert leader.stdout.readline()
        end_session(leader.pid)
        # The grandchild has the pipe, too: its end is seen only when both have ended.
        assert leader.stdout.read() == b""
        assert leader.wait(20) == -9


def test_a_process_may_have_any_name():
    argv = [sys.executable, "-c", NAMED_BY_OTHERS]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as leader:
        assert leader.stdout.readline()
        end_session(leader.pid)
        assert leader.wait(20) == -9


def test_orphans_are_adopted_and_ended():
    done = subprocess.run(
        [sys.executable, "-c", ORPHANS], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
