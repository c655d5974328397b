"""The bench of xDS: its resources, and how rounds and targets are judged."""

from bench.xds import measure, pauses, report, resources
from bench.xds.probe import _complete
from bench.xds.resources import CDS, EDS, LDS, RDS, Shape


def test_there_is_as_much_as_it_says():
    made = resources.everything(Shape(clusters=20, hosts=10, front=1, upstream=2), moving_to=3)
    assert [len(made[url]) for url in (CDS, EDS, LDS, RDS)] == [20, 20, 1, 1]
    assert {resources.name_of(each) for each in made[CDS]} == {
        resources.name_of(each) for each in made[EDS]
    }
    first, *_, moving = made[EDS]
    assert len(first.endpoints[0].lb_endpoints) == resources.ENDPOINTS
    assert len(moving.endpoints[0].lb_endpoints) == 1
    assert len(made[RDS][0].virtual_hosts) == 10


def test_every_virtual_host_of_a_table_is_new():
    one, two = (resources.routes(10, table).virtual_hosts for table in (1, 2))
    assert all(a != b for a, b in zip(one, two, strict=True))


def test_rounds_are_folded_by_what_they_mean():
    folded = report.fold(
        [
            {measure.START: value, measure.MOVE_WORST: value, measure.FAILED: value}
            for value in (1.0, 2.0, 6.0)
        ]
    )
    assert folded == {measure.START: 2.0, measure.MOVE_WORST: 6.0, measure.FAILED: 9.0}


def test_what_each_target_is_judged_by():
    mine = {measure.MOVE_MEDIAN: 3.0, measure.QUIET_P99: 5.0, measure.STORM_P99: 11.0}
    mine |= {pauses.MEDIAN: 0.2, pauses.WORST: 6.0}
    found = {one.title: one.met for one in report.verdicts(mine, {measure.MOVE_MEDIAN: 3.5})}
    assert found == {
        "endpoint, median, ms, against Envoy's": True,
        "p99 under pushes, ms": False,
        "pause of a worker for a table of routes, median, ms": True,
    }
    assert "endpoint" not in str(report.verdicts(mine, None))


def test_the_report_has_a_row_a_metric():
    text = report.markdown({"date": "d"}, {"lateen": {measure.PSS: 150.0}, "envoy": {}})
    assert "| PSS then, MB | 150 | - |" in text
    assert "| PSS, MB | 150 | 200 | yes |" in text


def test_an_answer_is_complete_when_its_body_is():
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
    assert [_complete(head + body) for body in (b"", b"o", b"ok")] == [False, False, True]
    assert not _complete(b"HTTP/1.1 200 OK\r\n")
