"""examples/xds: a control plane moves a canary under load, and no request fails."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.support.ports import PortLease
from tests.support.proxies import ROOT, lateen_command

RUN = ROOT / "examples/xds/run.py"


def test_a_canary_goes_from_nothing_to_everything():
    if lateen_command() is None:
        pytest.skip("no lateen command: run make build")
    flags = ["--once", "--free-ports", "--step-seconds", "0.4"]
    process = subprocess.Popen(
        [sys.executable, str(RUN), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=180)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    assert process.returncode == 0, output
    assert "\nfailed requests: 0" in output
    steps = re.findall(r"canary at (\d+) %", output)
    assert steps == ["0", "5", "25", "50", "75", "100"]
    last = re.findall(r"^v1 +(\d+) +v2 +(\d+)", output, re.MULTILINE)[-1]
    assert last[0] == "0"
    assert int(last[1]) > 0


def test_it_ends_where_there_is_no_control_plane():
    if lateen_command() is None:
        pytest.skip("no lateen command: run make build")
    with ExitStack() as stack:
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        flags = ["--once", f"--control-plane-port={taken.getsockname()[1]}"]
        for name in ("front", "admin", "v1", "v2"):
            flags.append(f"--{name}-port={stack.enter_context(PortLease()).port}")
        argv = [sys.executable, str(RUN), *flags]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "the control plane ended with 1" in done.stderr
