from lateen.proxy.compile.http_filters.python import added_filter, compile_python
from lateen.proxy.script_plan import ScriptError, ScriptPlan
from tests.support.messages import OWNER, context, errors, message_of

TYPE = "lateen.filters.http.python.v1.Python"


def compiled(text, load=lambda _: 7):
    ctx = context(load_script=load)
    return compile_python(ctx, message_of(TYPE, text), OWNER, "f").python, ctx


def test_the_filter_that_was_loaded():
    plans = []

    def load(plan):
        plans.append(plan)
        return 3

    text = "{file: a.py, name: one, config: {b: 1, a: [x]}, failure_mode: ALLOW}"
    made, ctx = compiled(text, load)
    assert plans == [ScriptPlan("", "a.py", "one", '{"a":["x"],"b":1}')]
    assert (made.script, made.name, made.failure_mode_allow) == (3, "one", True)
    assert ctx.blocks[made.stats_block].prefix == "http.web.python"
    assert errors(ctx) == []
    made, _ = compiled("{module: a.b, name: one, timeout: 0.25s}", load)
    assert plans[1] == ScriptPlan("a.b", "", "one", "{}", limit_ms=250)
    compiled("{module: a.b, name: one, timeout: 0s}", load)
    assert (plans[0].limit_ms, plans[2].limit_ms) == (1000, 0)
    assert made.failure_mode_allow is False


def test_one_place_says_where_it_is():
    for text in ("{name: one}", "{name: one, file: a.py, module: a}"):
        _, ctx = compiled(text)
        assert errors(ctx) == ["f: one of module and file says where the filter is"]


def test_what_cannot_be_loaded_is_told_at_its_field():
    def load(_):
        raise ScriptError("no such file", "file")

    _, ctx = compiled("{file: a.py, name: one}", load)
    assert errors(ctx) == ["f.file: no such file"]
    _, ctx = compiled("{module: a, name: one}", context().load_script)
    assert errors(ctx) == ["f: nothing loads Python filters here (one)"]


def test_filters_of_the_command_line():
    plan = ScriptPlan("", "a.py", "one")
    made = added_filter(context(load_script=lambda _: 5), plan, OWNER)
    assert (made.name, made.python.name, made.python.script) == ("one", "one", 5)
