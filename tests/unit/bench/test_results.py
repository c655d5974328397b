from operator import truediv

from bench import results


def test_the_median_of_each_metric_counts_but_errors_add_up() -> None:
    rounds = [
        {results.CPU: 10.0, results.RATE: 300.0, results.ERRORS: 0},
        {results.CPU: 90.0, results.RATE: 100.0, results.ERRORS: 2},
        {results.CPU: 12.0, results.RATE: 200.0, results.ERRORS: 1},
    ]
    folded = results.median("keepalive", "nginx", rounds)
    assert folded.values == {results.CPU: 12.0, results.RATE: 200.0, results.ERRORS: 3}


def test_what_was_not_measured_has_no_value() -> None:
    found = results.Results()
    found.measured.append(results.median("keepalive", "nginx", [{results.CPU: 1.0}]))
    assert found.value("keepalive", "nginx", results.CPU) == 1.0
    assert found.value("keepalive", "nginx", results.P99) is None
    assert found.value("16k", "nginx", results.CPU) is None


def test_rounds_are_compared_one_by_one() -> None:
    found = results.Results()
    # The machine halved its speed after the first round: medians would say 20 / 18.
    found.measured += [
        results.median("new", "lateen", [{results.CPU: cpu} for cpu in (9.0, 20.0, 22.0)]),
        results.median("new", "nginx", [{results.CPU: cpu} for cpu in (10.0, 18.0, 22.0)]),
    ]
    pair = ("new", "lateen"), ("new", "nginx")
    assert found.paired(*pair, results.CPU, truediv) == 1.0
    assert found.paired(("new", "lateen"), ("new", "envoy"), results.CPU, truediv) is None
