"""The runtime snapshot: the layers of layered_runtime, flattened.

Source: Envoy docs, "Runtime configuration"; a later layer wins, and an object's keys are joined
with dots, unless it is a fraction (numerator, denominator), which stays one value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lateen.config.support import Fields, whole
from lateen.config.syntax import ConfigSyntaxError
from lateen.config.yaml_tree import parse_yaml
from lateen.protos.worker_pb2 import Runtime
from lateen.proxy.compile.values import JsonValue, struct_to_python, to_json

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import LayeredRuntime, RuntimeLayer
    from envoy.config.core.v3.base_pb2 import RuntimeDouble
    from google.protobuf.struct_pb2 import Struct

    from lateen.proxy.compile.context import CompileContext

SUPPORT = (
    Fields(
        "envoy.config.bootstrap.v3.RuntimeLayer",
        implemented="name static_layer disk_layer admin_layer rtds_layer",
    ),
    whole("envoy.config.bootstrap.v3.RuntimeLayer.DiskLayer"),
    whole("envoy.config.bootstrap.v3.RuntimeLayer.RtdsLayer"),
    whole("envoy.service.runtime.v3.Runtime"),
)

_FRACTION = frozenset(("numerator", "denominator"))
_DENOMINATORS = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}


def runtime_double(ctx: CompileContext, source: RuntimeDouble, at: str) -> float:
    """A number that the runtime may override; a value there that is no number is reported."""
    override = ctx.runtime.get(source.runtime_key)
    if override is None:
        return source.default_value
    try:
        return float(override)
    except ValueError:
        ctx.warning(at, f"runtime value {override} is no number")
        return source.default_value


def runtime_for_workers(values: Mapping[str, str]) -> Runtime:
    """The snapshot as workers read it: a fraction, JSON or YAML, is `numerator/denominator`."""
    return Runtime(values={key: _as_share(value) for key, value in values.items()})


def _as_share(text: str) -> str:
    if "numerator" not in text and "denominator" not in text:
        return text
    try:
        found = parse_yaml(text)
    except ConfigSyntaxError:
        return text
    if not isinstance(found, dict) or not found.keys() <= _FRACTION:
        return text
    numerator = found.get("numerator", 0)
    denominator = _DENOMINATORS.get(str(found.get("denominator", "HUNDRED")))
    if not isinstance(numerator, int) or denominator is None:
        return text
    return f"{numerator}/{denominator}"


def compile_runtime(ctx: CompileContext, runtime: LayeredRuntime, at: str) -> dict[str, str]:
    """Every key of every static layer and of those on disk, which the context has, with the value
    of the last layer that has it.
    """
    values: dict[str, str] = {}
    names: set[str] = set()
    admin_layers = 0
    for index, layer in enumerate(runtime.layers):
        where = f"{at}.layers[{index}]"
        _check_layer(ctx, layer, names, where)
        names.add(layer.name)
        if layer.HasField("static_layer"):
            values |= flatten(ctx, layer.static_layer, f"{where}.static_layer")
        elif layer.HasField("disk_layer"):
            values |= ctx.disk_layers.get(layer.name, {})
        elif layer.HasField("admin_layer"):
            admin_layers += 1
            if admin_layers > 1:
                ctx.error(
                    where,
                    "Too many admin layers specified in LayeredRuntime, at most one may be"
                    " specified",
                )
    return values


def _check_layer(ctx: CompileContext, layer: RuntimeLayer, names: set[str], at: str) -> None:
    if layer.name in names:
        ctx.error(f"{at}.name", f"Duplicate layer name: {layer.name}")


def flatten(ctx: CompileContext, layer: Struct, at: str) -> dict[str, str]:
    """The keys of one layer, sorted, with each value as text (a fraction as JSON)."""
    values: dict[str, str] = {}
    _flatten(ctx, struct_to_python(layer), "", values, at)
    return values


def _flatten(
    ctx: CompileContext, value: dict[str, JsonValue], prefix: str, out: dict[str, str], at: str
) -> None:
    for name, item in value.items():
        key = f"{prefix}.{name}" if prefix else name
        where = f"{at}.{name}"
        if isinstance(item, dict) and not (item and item.keys() <= _FRACTION):
            _flatten(ctx, item, key, out, where)
        elif isinstance(item, list) or item is None:
            ctx.error(where, f"Invalid runtime entry value for {key}")
        else:
            out[key] = item if isinstance(item, str) else to_json(item)
