"""The stub of the extension says what the built extension has."""

import subprocess
import sys


def test_the_stub_agrees_with_the_extension():
    # "Disjoint bases" are what a type checker may assume of a final class anyway.
    command = [sys.executable, "-m", "mypy.stubtest", "--ignore-disjoint-bases", "lateen._core"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stdout + result.stderr
