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
