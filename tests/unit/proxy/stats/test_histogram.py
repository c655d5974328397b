import math

import pytest

from lateen.proxy.stats.histogram import DEFAULT_BUCKETS, Summary, bin_of


def test_bins_keep_two_digits():
    assert [bin_of(value) for value in (0, 1, 9, 10, 16, 25, 99, 100, 129, 3600000)] == [
        0, 10, 90, 110, 116, 125, 199, 210, 212, 636,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="negative"):
        bin_of(-1)


# Values as Envoy 1.40 printed them: three ones and two twos; five ones; one 16.
def test_quantiles_are_interpolated_inside_a_bin():
    assert Summary.of({10: 3, 20: 2}).quantiles() == [
        1.025, 1.05, 1.075, 2.033333333333333, *[2.066666666666667] * 6,
    ]  # fmt: skip
    assert Summary.of({10: 5}).quantiles([0, 25, 50, 75, 90]) == [
        1.0166666666666666, 1.0333333333333334, 1.05, 1.0666666666666667, 1.0833333333333333,
    ]  # fmt: skip
    assert Summary.of({116: 1}).quantiles([0, 100]) == [16.5, 16.5]
    assert Summary.of({0: 4, 10: 1}).quantiles([75, 90]) == [0, 1.05]


def test_nothing_recorded():
    summary = Summary.of({10: 0})
    assert summary.sample_count == 0
    assert all(math.isnan(value) for value in summary.quantiles())
    assert summary.cumulative([1, 2]) == [0, 0]


def test_sum_takes_the_middle_of_each_bin():
    assert Summary.of({116: 1}).sample_sum == 16.484848484848484
    assert Summary.of({10: 5}).sample_sum == pytest.approx(5.238095238095238)
    assert Summary.of({0: 3}).sample_sum == 0


def test_buckets():
    summary = Summary.of({10: 3, 20: 2})
    assert summary.cumulative(DEFAULT_BUCKETS)[:4] == [0, 3, 5, 5]
    assert summary.disjoint(DEFAULT_BUCKETS)[:4] == [0, 3, 2, 0]
