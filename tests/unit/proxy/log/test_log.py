import json
import os

import pytest

from lateen.proxy.log.from_workers import WorkerLog
from lateen.proxy.log.levels import (
    COMPONENTS,
    Level,
    LevelError,
    parse_component_levels,
    parse_level,
)
from lateen.proxy.log.logger import Log, LogOpenError
from lateen.proxy.log.pattern import DEFAULT_FORMAT, compile_pattern, json_formatter
from lateen.proxy.log.record import Record
from tests.unit.proxy.fake_core import FakeCore

RECORD = Record(1700000000.0426, Level.WARNING, "main", 'a "b"\nc', 7, "lateen/x.py", 12)


def test_levels():
    assert parse_level("warn") is parse_level("warning") is Level.WARNING
    assert parse_component_levels("upstream:debug,config:trace") == {
        "upstream": Level.DEBUG, "config": Level.TRACE,
    }  # fmt: skip
    assert parse_component_levels("") == {}
    assert "router" in COMPONENTS
    for text in ("upstream", "upstream:debug:x", "nothing:debug", "upstream:loud"):
        with pytest.raises(LevelError):
            parse_component_levels(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("[%l][%n] [%g:%#] %v", '[warning][main] [lateen/x.py:12] a "b"\nc'),
        ("%L %t %s %@ %E.%e %%", "W 7 x.py lateen/x.py:12 1700000000.042 %"),
        ("%_", 'a "b"\\nc'),
        ("%j", 'a \\"b\\"\\nc'),
        ("%8n|%-8n|%=8n|%2!n|%^%$", "    main|main    |  main  |ma|"),
        ("%Q", "%Q"),
    ],
)
def test_patterns(pattern, text):
    assert compile_pattern(pattern)(RECORD) == text


def test_default_format_has_a_date():
    assert compile_pattern(DEFAULT_FORMAT)(RECORD).startswith("[2023-11-1")


def test_json():
    fields = json.loads(json_formatter(RECORD))
    assert fields["time"] == "2023-11-14T22:13:20.042Z"
    assert (fields["level"], fields["component"], fields["message"]) == (
        "warning", "main", 'a "b"\nc',
    )  # fmt: skip


def test_levels_filter_and_lines_go_to_the_file(tmp_path):
    path = tmp_path / "log"
    log = Log(compile_pattern("%l %n %g %v"), Level.INFO, {"upstream": Level.DEBUG}, str(path))
    log.debug("main", "no")
    log.debug("upstream", "yes")
    log.set_level("", Level.ERROR)
    log.warning("main", "no")
    log.error("main", "two")
    lines = path.read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["debug", "error"]
    assert lines[0].endswith("test_log.py yes")


def test_reopen_follows_a_rotation(tmp_path):
    path = tmp_path / "log"
    log = Log(compile_pattern("%v"), path=str(path))
    log.info("main", "old")
    path.rename(tmp_path / "log.1")
    log.reopen()
    log.info("main", "new")
    assert path.read_text() == "new\n"


def test_line_breaks_can_be_escaped(tmp_path):
    path = tmp_path / "log"
    Log(compile_pattern("%v"), path=str(path), escaped=True).info("main", "a\n\tb")
    assert path.read_text() == "a\\n\\tb\n"


def test_a_log_that_cannot_be_opened(tmp_path):
    with pytest.raises(LogOpenError, match="cannot open log file"):
        Log(json_formatter, path=os.fspath(tmp_path))


def test_messages_of_workers_and_levels_for_them(tmp_path):
    path, core = tmp_path / "log", FakeCore()
    log = Log(compile_pattern("%l %n %v"), path=str(path))
    worker_log = WorkerLog(core, log, wait_s=0.001)
    worker_log.start()
    core.messages += [(3, "router", "slow"), (1, "router", "hidden")]
    log.set_level("router", Level.TRACE)
    worker_log.stop()
    assert "warning router slow\n" in path.read_text()
    assert ("set_log_level", "http", 2) in core.calls
    assert core.calls[-2:] == [("set_log_level", "router", 0), ("wake_log",)]
