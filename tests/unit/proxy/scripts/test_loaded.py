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

    def put_script(self, number, phases, **handler):
        self.scripts[number] = {"phases": phases, **handler}


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
    assert handler["phases"] == ["on_response"]


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
        (
            f"{HEAD}@http_filter\nclass one: pass\n",
            "name",
            "has none of on_request, on_request_body, on_response and on",
        ),
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


@pytest.mark.parametrize(
    ("options", "body", "phases"),
    [
        ("", "def one(request): pass", ["on_request"]),
        ("request_body=True", "def one(request): pass", ["on_request", "request_body"]),
        ("", "class one:\n    def on_response_body(self, chunk): pass", ["on_response_body"]),
        (
            "response_body=True",
            "class one:\n    def on_response(self, response): pass",
            ["on_response", "response_body"],
        ),
    ],
)
def test_the_phases_of_a_filter(load, options, body, phases):
    assert load(f"{HEAD}@http_filter({options})\n{body}\n")["phases"] == phases


@pytest.mark.parametrize(
    ("options", "body", "message"),
    [
        ("response_body=True", "def one(request): pass", "one is a function, which sees no resp"),
        (
            "request_body=True",
            "class one:\n    def on_response(self, response): pass",
            "one waits for the request_body without on_request",
        ),
        (
            "request_body=True",
            "class one:\n    on_request = on_request_body = lambda self, it: None",
            "one wants the request_body whole and in chunks",
        ),
    ],
)
def test_bodies_that_cannot_be_shown(load, options, body, message):
    with pytest.raises(ScriptError, match=message) as error:
        load(f"{HEAD}@http_filter({options})\n{body}\n")
    assert error.value.field == "name"


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
