from bench import results, targets
from bench.results import Measured, Results


def found(*measured: tuple[str, str, str, float]) -> Results:
    made = Results()
    made.measured += [
        Measured(scenario, proxy, {metric: value}, ({metric: value},))
        for scenario, proxy, metric, value in measured
    ]
    return made


def test_a_ratio_at_its_limit_is_met_and_above_it_is_not() -> None:
    at, above = (
        targets.verdicts(
            found(
                ("keepalive", "lateen", results.CPU, cpu),
                ("keepalive", "nginx", results.CPU, 20.0),
            )
        )
        for cpu in (18.0, 18.1)
    )
    assert [one.met for one in at] == [True]
    assert [one.met for one in above] == [False]


def test_nothing_is_judged_without_its_peer_of_the_same_run() -> None:
    assert targets.verdicts(found(("keepalive", "lateen", results.CPU, 18.0))) == []


def test_the_log_is_judged_by_what_it_adds() -> None:
    verdicts = targets.verdicts(
        found(("keepalive", "lateen", results.CPU, 18.0), ("log", "lateen", results.CPU, 20.0))
    )
    assert [(one.reached, one.met) for one in verdicts] == [(2.0, False)]


def test_memory_is_judged_without_peers() -> None:
    verdicts = targets.verdicts(found(("hello", "lateen", results.PSS, 40.0)))
    assert [(one.limit, one.met) for one in verdicts] == [(39.0, False)]
