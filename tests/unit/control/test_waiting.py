import os

import msgspec
import pytest

from lateen.control.waiting import State, WaitError, Wanted, wait


def proxy(name, taken, **refused):
    by_type = {short: {"r": why} for short, why in refused.items()}
    return {
        "proxy": name,
        "connection": f"{name}-1",
        "sent": taken,
        "acknowledged": taken,
        "refused": by_type,
    }


def answers(*pages):
    """Pages one after the other, the last again and again."""
    left = list(pages)

    def ask(parameters):
        return msgspec.convert(left.pop(0) if len(left) > 1 else left[0], State)

    return ask


def page(generation, *proxies, **more):
    return {"generation": generation, "digest": "d", "proxies": list(proxies), **more}


def test_the_current_generation_is_what_counts_when_none_is_named():
    outcome = wait(Wanted(), answers(page(3, proxy("a", 2)), page(4, proxy("a", 3))))
    assert (outcome.complete, outcome.generation, outcome.had) == (True, 3, ["a-1"])


def test_a_generation_that_is_not_there_yet_is_waited_for():
    outcome = wait(Wanted(generation=5), answers(page(4, proxy("a", 4)), page(5, proxy("a", 5))))
    assert outcome.complete
    outcome = wait(Wanted(generation=9, timeout_s=0), answers(page(4, proxy("a", 4))))
    assert outcome.missing["the control plane"] == "has generation 4"


def test_who_has_not_is_told_with_the_reason():
    states = page(3, proxy("a", 3), proxy("b", 2), proxy("c", 3, cds="no such thing"))
    outcome = wait(Wanted(timeout_s=0), answers(states))
    assert outcome.had == ["a-1"]
    assert outcome.missing == {"b-1": "has generation 2", "c-1": "refused: no such thing"}


def test_one_proxy_alone_may_count():
    states = page(3, proxy("a", 3), proxy("b", 2))
    assert wait(Wanted(proxy="a", timeout_s=0), answers(states)).complete
    assert wait(Wanted(proxy="a-1", timeout_s=0), answers(states)).complete
    outcome = wait(Wanted(proxy="x", timeout_s=0), answers(states))
    assert outcome.missing == {"x": "is not connected"}


def test_nobody_is_complete_when_nobody_is_connected():
    assert wait(Wanted(timeout_s=0), answers(page(1))).complete


def of_file(path, **changed):
    status = os.stat(path)
    stamp = [status.st_mtime_ns, status.st_size]
    return {"read": True, "stamp": stamp, "problems": [], **changed}


def test_a_file_is_waited_for_in_the_state_in_which_it_is(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("x")
    old, new = of_file(file, stamp=[1, 1]), of_file(file)
    pages = (page(2, proxy("a", 2), file=old), page(3, proxy("a", 3), file=new))
    outcome = wait(Wanted(file=file), answers(*pages))
    assert (outcome.complete, outcome.generation) == (True, 3)
    outcome = wait(Wanted(file=file, timeout_s=0), answers(pages[0]))
    assert (outcome.complete, outcome.generation) == (False, 0)


def test_a_file_that_is_gone_is_waited_for_until_it_is_gone_there_too(tmp_path):
    gone = {"read": True, "stamp": None, "problems": []}
    (tmp_path / "file").touch()
    for name in ("a.yaml", "file/a.yaml"):
        outcome = wait(Wanted(file=tmp_path / name), answers(page(2, file=gone)))
        assert outcome.complete


def test_a_file_with_mistakes_or_of_elsewhere_is_not_waited_for(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("x")
    for state, said in (
        (of_file(file, problems=["a.yaml:1: error: bad"]), "a.yaml:1: error: bad"),
        (of_file(file, read=False), "is not in the directory"),
    ):
        with pytest.raises(WaitError, match=said):
            wait(Wanted(file=file), answers(page(2, file=state)))
