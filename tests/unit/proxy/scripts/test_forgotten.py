"""Workers that nobody ends: their object goes with the GIL held, for which no thread may wait."""

import subprocess
import sys

import pytest

SCRIPT = """
import gc
import sys
import lateen
from lateen.filters import Response, http_filter
from lateen.proxy.workers import start_workers
from tests.e2e.conftest import bootstrap
from tests.support.client import fetch, get

@http_filter
def tea(request):
    return Response(418)

proxy = lateen.Proxy(bootstrap(0, 1), filters=[tea]).start()
print(fetch(proxy.port, get()).status, flush=True)
forgotten = start_workers(
    2, file_flush_interval_ms=50, drain_time_ms=0, gradual_drain=True, pin=False
)
if sys.argv[1] == "collected":
    del forgotten
    gc.collect()
print("ended", flush=True)
"""


@pytest.mark.parametrize("how", ["collected", "forgotten"])
def test_they_end_with_their_object_or_the_program(how):
    argv = [sys.executable, "-c", SCRIPT, how]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, ["418", "ended"]), done.stderr
