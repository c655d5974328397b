import pytest

from lateen.proxy.compile.runtime import compile_runtime, runtime_for_workers
from tests.support.messages import context, errors, message, unsupported


def compiled(text, ctx=None):
    source = message("config.bootstrap.v3.LayeredRuntime", text)
    return compile_runtime(ctx or context(), source, "layered_runtime")


def test_keys_are_joined_and_later_layers_win():
    values = compiled(
        """
        layers:
        - {name: a, static_layer: {x: {y: 1, z: text}, flag: true, ratio: 1.5}}
        - {name: b, static_layer: {x: {y: 2}}}
        - {name: c, admin_layer: {}}
        """
    )
    assert values == {"flag": "true", "ratio": "1.5", "x.y": "2", "x.z": "text"}


def test_a_fraction_stays_one_value():
    values = compiled(
        """
        layers:
        - name: a
          static_layer: {f: {numerator: 1, denominator: MILLION}, g: {numerator: 1, other: 2}}
        """
    )
    assert values == {
        "f": '{"denominator":"MILLION","numerator":1}',
        "g.numerator": "1",
        "g.other": "2",
    }


def test_what_envoy_refuses():
    ctx = context()
    compiled("layers: [{name: a, static_layer: {x: [1]}}]", ctx)
    compiled("layers: [{name: a, static_layer: {}}, {name: a, static_layer: {}}]", ctx)
    compiled("layers: [{name: a, admin_layer: {}}, {name: b, admin_layer: {}}]", ctx)
    assert errors(ctx) == [
        "layered_runtime.layers[0].static_layer.x: Invalid runtime entry value for x",
        "layered_runtime.layers[1].name: Duplicate layer name: a",
        "layered_runtime.layers[1]: Too many admin layers specified in LayeredRuntime, at most one"
        " may be specified",
    ]


def test_layers_on_disk_are_those_of_the_context():
    ctx = context(disk_layers={"b": {"x": "2", "y": "3"}})
    source = """
    layers:
    - {name: a, static_layer: {x: 1}}
    - {name: b, disk_layer: {symlink_root: /x}}
    - {name: c, static_layer: {y: 4}}
    """
    assert compiled(source, ctx) == {"x": "2", "y": "4"}
    assert unsupported(message("config.bootstrap.v3.LayeredRuntime", source)) == []


@pytest.mark.parametrize(
    ("value", "given"),
    [
        ("5", "5"),
        ('{"denominator":"MILLION","numerator":1}', "1/1000000"),
        ("numerator: 3\ndenominator: TEN_THOUSAND", "3/10000"),
        ("{numerator: 7}", "7/100"),
        ("{denominator: MILLION}", "0/1000000"),
        ("{numerator: x}", "{numerator: x}"),
        ("{numerator: 1, denominator: FEW}", "{numerator: 1, denominator: FEW}"),
        ("{numerator: 1, other: 2}", "{numerator: 1, other: 2}"),
        ("numerator", "numerator"),
        ("{numerator", "{numerator"),
    ],
)
def test_fractions_are_shares_to_workers(value, given):
    assert runtime_for_workers({"k": value}).values == {"k": given}
