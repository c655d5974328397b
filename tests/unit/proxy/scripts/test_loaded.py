import re
import sys

import pytest

from lateen.proxy.script_plan import ScriptError, ScriptPlan
from lateen.proxy.scripts.loaded import LoadedScripts

HEAD = "from lateen.filters import http_filter\n"
ONE = f"{HEAD}@http_filter\ndef one(request):\n    return 1\n"


class Core:
    """Remembers what workers would run."""

    def __init__(self):
        self.scripts = {}

    def put_script(self, number, **handler):
        self.scripts[number] = handler


@pytest.fixture
def load(tmp_path):
    """Loads a filter of a file with a text: what the workers get."""

    def run(text, name="one", config="{}"):
        (tmp_path / "filters.py").write_text(text)
        scripts, core = LoadedScripts(), Core()
        scripts.attach(core)
        number = scripts.load(ScriptPlan("", str(tmp_path / "filters.py"), name, config))
        return core.scripts[number]

    return run


def test_a_function_is_loaded_once_and_given_to_the_workers_that_come_later(tmp_path):
    file = tmp_path / "filters.py"
    file.write_text(ONE)
    scripts, core = LoadedScripts(), Core()
    plan = ScriptPlan("", str(file), "one")
    number = scripts.load(plan)
    scripts.attach(core)
    assert core.scripts[number]["function"]("request") == 1
    assert scripts.load(plan) == number
    assert scripts.load(ScriptPlan("", str(file), "one", "{}")) == number


def test_a_class_is_made_for_each_request(load):
    body = f"{HEAD}@http_filter\nclass One:\n    def on_response(self, response): pass\n"
    handler = load(body, "One")
    assert handler["factory"]() is not handler["factory"]()
    assert (handler["sees_requests"], handler["sees_responses"]) == (False, True)


@pytest.mark.parametrize("kind", ["dataclass", "struct"])
def test_its_configuration_has_the_type_that_it_asks_for(load, kind):
    made = {
        "dataclass": "from dataclasses import dataclass\n@dataclass\nclass C:\n    limit: int\n",
        "struct": "import msgspec\nclass C(msgspec.Struct):\n    limit: int\n",
    }[kind]
    text = f"{HEAD}{made}@http_filter(config=C)\ndef one(request, c):\n    return c.limit\n"
    assert load(text, config='{"limit":3}')["function"](None) == 3
    with pytest.raises(
        ScriptError, match=r"one cannot take it: Expected `int`.*\$\.limit"
    ) as error:
        load(text, config='{"limit":"x"}')
    assert error.value.field == "config"


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        (f"{HEAD}import nothing_at_all\n", "file", "No module named 'nothing_at_all' (FILE:2)"),
        (f"{HEAD}one = (\n", "file", "SyntaxError: '(' was never closed (FILE:2)"),
        (f"{HEAD}@http_filter\ndef on(request): pass\n", "name", "did you mean 'on'?"),
        (HEAD, "name", "has no 'one' (it has no filters)"),
        ("def one(request): pass\n", "name", "lacks the decorator @http_filter"),
        (f"{HEAD}@http_filter\nasync def one(request): pass\n", "name", "use a plain def"),
        (f"{HEAD}@http_filter\nclass one: pass\n", "name", "neither on_request nor on_response"),
        (
            f"{HEAD}@http_filter\nclass one:\n def on_body(self): pass\n",
            "name",
            "one.on_body is no",
        ),
        ("raise SystemExit(3)\n", "file", "SystemExit: 3 (FILE:1)"),
    ],
)
def test_what_is_no_filter(load, tmp_path, text, field, message):
    with pytest.raises(
        ScriptError, match=re.escape(message.replace("FILE", f"{tmp_path}/filters.py"))
    ) as error:
        load(text)
    assert error.value.field == field
    assert not [
        name
        for name in sys.modules
        if name.startswith("lateen_filter_")
        and field == "file"
        and getattr(sys.modules[name], "__file__", "") == f"{tmp_path}/filters.py"
    ]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ScriptError, match=f"cannot read {tmp_path}/none.py"):
        LoadedScripts().load(ScriptPlan("", str(tmp_path / "none.py"), "one"))


def test_a_configuration_that_nobody_asked_for(load):
    with pytest.raises(ScriptError, match="one takes no configuration"):
        load(ONE, config='{"a":1}')


def test_the_new_source_takes_the_place_of_the_old_and_a_broken_one_does_not(tmp_path):
    file = tmp_path / "filters.py"
    file.write_text(ONE)
    scripts, core = LoadedScripts(), Core()
    scripts.attach(core)
    number = scripts.load(ScriptPlan("", str(file), "one"))
    file.write_text(ONE.replace("return 1", "return 2"))
    assert scripts.load_again(lambda _: True) == (1, [])
    assert core.scripts[number]["function"](None) == 2
    file.write_text("broken(")
    count, (error,) = scripts.load_again(lambda _: True)
    assert (count, "was never closed" in str(error)) == (0, True)
    assert core.scripts[number]["function"](None) == 2
    file.write_text(ONE)
    assert scripts.load_again(lambda _: False) == (0, [])
    assert scripts.load_again(lambda _: True) == (1, [])
    assert core.scripts[number]["function"](None) == 1


def test_a_package_is_loaded_again_with_all_that_it_imports(tmp_path, monkeypatch):
    package = tmp_path / "some_filters"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "values.py").write_text("VALUE = 1\n")
    (package / "web.py").write_text(
        f"{HEAD}from some_filters.values import VALUE\n@http_filter\ndef one(request):\n"
        "    return VALUE\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    scripts, core = LoadedScripts(), Core()
    scripts.attach(core)
    number = scripts.load(ScriptPlan("some_filters.web", "", "one"))
    assert core.scripts[number]["function"](None) == 1
    (package / "values.py").write_text("VALUE = 2\n")
    assert scripts.load_again(lambda _: True) == (1, [])
    assert core.scripts[number]["function"](None) == 2
    (package / "values.py").write_text("VALUE = nothing\n")
    count, (error,) = scripts.load_again(lambda _: True)
    assert count == 0
    assert f"({package}/values.py:1, from {package}/web.py:2)" in str(error)
    assert core.scripts[number]["function"](None) == 2
    assert sys.modules["some_filters.values"].VALUE == 2
    for name in [name for name in sys.modules if name.partition(".")[0] == "some_filters"]:
        del sys.modules[name]
