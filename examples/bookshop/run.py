"""Brings the bookshop up with a canary, sends requests through it, and keeps it running.

`make run` does this.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
LATEEN = HERE.parents[1] / ".venv" / "bin" / "lateen"
ACTIVE = HERE / "active"
CANARY = HERE / "steps" / "01-canary.yaml"
START_SECONDS = 60.0
REQUESTS = 100
#: A line of `lateen up` that tells where an instance is, and the one after all of them.
_WHERE = re.compile(r"up +\|   front-1: ([0-9.]+):([0-9]+)")
_STATE = re.compile(r"up +\|   state in (\S+);")


class DemoError(Exception):
    """The demonstration cannot go on; the message says why."""


class Shop:
    """The bookshop as a process whose lines are passed on.

    Attributes:
        front: address and port of the front page, once all is ready.
        state: what the mesh keeps, once all is ready.
    """

    def __init__(self) -> None:
        argv = ["up", str(HERE / "mesh.yaml"), *sys.argv[1:]]
        print("$ lateen", *argv, flush=True)
        # A Ctrl-C is this process's, which ends the mesh.
        self.process = subprocess.Popen(
            [str(LATEEN), *argv], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.front, self.state = ("", 0), ""
        self.ready = threading.Event()
        threading.Thread(target=self._pass_on, daemon=True).start()

    def _pass_on(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            print(line, end="", flush=True)
            if where := _WHERE.match(line):
                self.front = where[1], int(where[2])
            if state := _STATE.match(line):
                self.state = state[1]
                self.ready.set()

    def wait_ready(self) -> None:
        """Wait until all instances are ready.

        Raises:
            DemoError: the mesh ends, or takes too long.
        """
        end = time.monotonic() + START_SECONDS
        while not self.ready.wait(0.1):
            if self.process.poll() is not None:
                raise DemoError(f"lateen up ended with {self.process.returncode}, see above")
            if time.monotonic() > end:
                raise DemoError(f"the mesh was not ready after {START_SECONDS:.0f} s")

    def book(self) -> dict[str, dict[str, object]]:
        """What the front page knows of the book.

        Raises:
            DemoError: nobody answers, or what comes is no answer of the front page.
        """
        connection = http.client.HTTPConnection(*self.front, timeout=10)
        try:
            connection.request("GET", "/book")
            found: dict[str, dict[str, object]] = json.load(connection.getresponse())
            return found
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise DemoError(f"the front page does not answer: {error}") from None
        finally:
            connection.close()

    def end(self) -> None:
        """End the mesh."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


def settled(shop: Shop) -> None:
    """Wait until the canary is in force: version 2 is not asked any more.

    Raises:
        DemoError: it takes too long.
    """
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            if {str(shop.book()["reviews"].get("version")) for _ in range(8)} <= {"v1", "v3"}:
                return
        except DemoError:
            pass
        time.sleep(0.2)
    raise DemoError("the canary did not come into force")


def demonstrate(shop: Shop) -> None:
    """Send requests, and print what came back and where to look."""
    settled(shop)
    books = [shop.book() for _ in range(REQUESTS)]
    versions = Counter(str(book["reviews"].get("version")) for book in books)
    address = "http://{}:{}".format(*shop.front)
    print(f"\n$ curl {address}/book")
    print(json.dumps(books[0], indent=2))
    print(f"\n{REQUESTS} requests, reviews by version (90 % and 10 % are wanted):")
    for version, count in sorted(versions.items()):
        print(f"  {version} {'█' * count} {count}")
    print(f"details was called by {books[0]['details'].get('caller') or 'nobody who is known'}")
    directories = f"--mesh {shop.state}/manifests --mesh {ACTIVE}"
    print(
        f"\nWhere to look:\n"
        f"  {address}/ in a browser\n"
        f"  lateen explain http://reviews:9080/reviews --from front {directories}\n"
        f"  {HERE / 'README.md'}: the next steps; files in {ACTIVE} are in force at once\n"
        f"running: end it with Ctrl-C",
        flush=True,
    )


def main() -> int:
    """Run the demonstration until Ctrl-C or SIGTERM; returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ACTIVE.mkdir(exist_ok=True)
    copied = ACTIVE / CANARY.name
    shutil.copyfile(CANARY, copied)
    shop = Shop()
    try:
        shop.wait_ready()
        demonstrate(shop)
        return shop.process.wait()
    except KeyboardInterrupt:
        return 0
    except DemoError as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    finally:
        shop.end()
        copied.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
