"""Filters that are given themselves, not by the name of a file."""

import pytest

from lateen.filters import http_filter
from lateen.proxy.script_plan import ScriptError, ScriptPlan, script_of
from lateen.proxy.scripts.handler import load
from lateen.proxy.scripts.loaded import LoadedScripts
from lateen.proxy.scripts.source import directories, is_changed_by


@http_filter
def good(request: object) -> None:
    return None


@http_filter
async def waits(request: object) -> None:
    return None


def given(function: object, name: str = "good") -> ScriptPlan:
    assert callable(function)
    return ScriptPlan("", "", name, given=function)


def test_it_is_what_runs() -> None:
    assert load(given(good)).function is good
    scripts = LoadedScripts()
    assert scripts.load(given(good)) == scripts.load(given(good)) == 1


def test_no_file_changes_it() -> None:
    assert directories(given(good)) == ()
    assert not is_changed_by(given(good), __file__)
    scripts = LoadedScripts()
    scripts.load(given(good))
    assert scripts.load_again(lambda plan: is_changed_by(plan, __file__)) == (0, [])


def test_what_is_wrong_with_it_is_told() -> None:
    with pytest.raises(ScriptError, match="waits of this process waits"):
        load(given(waits, "waits"))
    with pytest.raises(ScriptError, match="'print' of this process is no filter"):
        load(given(print, "print"))


def test_text_names_a_file() -> None:
    assert script_of("a/b.py:c") == ScriptPlan("", "a/b.py", "c")
    for text in ("c", ":c", "a.py:", "a.py:not-a-name"):
        with pytest.raises(ValueError, match="is not FILE:NAME"):
            script_of(text)
