from pathlib import Path

import pytest

from bench.filters.report import fold
from bench.filters.rows import PLAIN, ROWS, Row
from bench.proxies.base import Added, Setup
from bench.proxies.envoy_config import traffic
from lateen.proxy.options import Options
from lateen.proxy.prepare import prepare


@pytest.mark.parametrize("row", [PLAIN, *ROWS], ids=lambda row: row.name)
def test_the_configuration_of_every_row_is_good(row: Row, tmp_path: Path) -> None:
    path = traffic(Setup(10001, 10002, 10003, tmp_path, http2_port=10004, added=row.added))
    found = prepare(Options(config_path=str(path))).diagnostics
    assert [str(each) for each in found if each.severity == "error"] == []
    assert row.added == Added() or row is not PLAIN


def test_what_one_of_many_adds() -> None:
    row = Row("r", "", Added(), copies=10)
    rounds = {
        ("plain", "lateen"): [10.0, 12.0, 11.0],
        ("r", "lateen"): [11.0, 14.0, 11.5],
        ("plain", "envoy"): [20.0, 20.0, 20.0],
        ("r", "envoy"): [22.0, 24.0, 23.0],
    }
    (cost,) = fold([row], rounds, ["lateen", "envoy"])
    assert cost.ns == {"lateen": pytest.approx(100), "envoy": pytest.approx(300)}
    assert cost.ratio == pytest.approx(1 / 3)


def test_nothing_is_no_share() -> None:
    rounds = {
        ("plain", "lateen"): [10.0],
        ("r", "lateen"): [11.0],
        ("plain", "envoy"): [20.0],
        ("r", "envoy"): [19.0],
    }
    (cost,) = fold([Row("r", "", Added())], rounds, ["lateen", "envoy"])
    assert cost.ratio is None
