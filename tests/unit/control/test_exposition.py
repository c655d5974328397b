from lateen.control.exposition import Counter, Gauge, Histogram, render
from lateen.control.metrics import Metrics


def test_counters_and_gauges_are_lines_of_text():
    counter, gauge = Counter("pushes", "Pushes.", "type"), Gauge("clients", "Clients.")
    counter.add(label="cds")
    counter.add(2, "eds")
    counter.add(label='a"\\\n')
    gauge.set(2.5)
    assert render([counter, gauge]).splitlines() == [
        "# HELP pushes Pushes.",
        "# TYPE pushes counter",
        r'pushes{type="a\"\\\n"} 1',
        'pushes{type="cds"} 1',
        'pushes{type="eds"} 2',
        "# HELP clients Clients.",
        "# TYPE clients gauge",
        "clients 2.5",
    ]


def test_what_was_never_counted_is_nought_unless_it_has_labels():
    assert list(Counter("a", "").lines()) == ["a 0"]
    assert list(Counter("a", "", "type").lines()) == []


def test_a_histogram_has_what_is_at_or_below_each_bound():
    histogram = Histogram("time", "Time.", (0.1, 1), "type")
    for seconds in (0.1, 0.5, 7):
        histogram.observe(seconds, "cds")
    assert list(histogram.lines()) == [
        'time_bucket{type="cds",le="0.1"} 1',
        'time_bucket{type="cds",le="1"} 2',
        'time_bucket{type="cds",le="+Inf"} 3',
        'time_sum{type="cds"} 7.6',
        'time_count{type="cds"} 3',
    ]


def test_the_metrics_have_istios_names():
    text = Metrics().text()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {
        "pilot_proxy_convergence_time",
        "pilot_xds_pushes",
        "pilot_total_xds_rejects",
        "pilot_xds",
        "pilot_services",
        "pilot_debounce_time",
        "pilot_push_triggers",
        "pilot_xds_config_size_bytes",
        "pilot_xds_push_time",
        "pilot_inbound_updates",
        "pilot_virt_services",
        "pilot_xds_expired_nonce",
    } <= names
