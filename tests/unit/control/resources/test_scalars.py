import pytest

from lateen.control.resources.scalars import Duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1h30m", 5400),
        ("-1.5s", -1.5),
        (".5ms", 0.0005),
        ("3µs", 3e-6),
        ("2562047h", 9223369200),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text, seconds):
    assert Duration.parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "1", "s", "1 s", "1d", "٣s"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is no duration such as"):
        Duration.parse(text)


@pytest.mark.parametrize("text", ["2562048h", "9" * 400 + "s", "-2562048h"])
def test_what_go_cannot_count_is_no_duration(text):
    with pytest.raises(ValueError, match="292 years at most"):
        Duration.parse(text)
