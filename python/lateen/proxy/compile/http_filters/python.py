"""lateen.filters.http.python: filters in Python.

Source: proto/overlay/lateen.textproto.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lateen.config.support import whole
from lateen.protos.worker_pb2 import HttpFilter, PythonFilter
from lateen.proxy.compile.registry import HttpExtension
from lateen.proxy.compile.stats_blocks import BlockKind
from lateen.proxy.compile.values import enum_name, milliseconds, struct_to_python, to_json
from lateen.proxy.script_plan import ScriptError, ScriptPlan

if TYPE_CHECKING:
    from contrib.lateen.filters.http.python.v1 import python_pb2 as lateen
    from google.protobuf.message import Message

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.network_filters.owner import HttpFilterOwner

_TYPE = "lateen.filters.http.python.v1.Python"

SUPPORT = (whole(_TYPE, category="envoy.filters.http"),)


def added_filter(ctx: CompileContext, plan: ScriptPlan, owner: HttpFilterOwner) -> HttpFilter:
    """A filter that the command line adds."""
    made = PythonFilter(stats_block=_block(ctx, owner), name=plan.name)
    made.script = ctx.load_script(plan)
    return HttpFilter(name=plan.name, python=made)


def compile_python(
    ctx: CompileContext, message: Message, owner: HttpFilterOwner, at: str
) -> HttpFilter:
    """The filter, loaded."""
    config: lateen.Python = message  # type: ignore[assignment]
    made = PythonFilter(
        stats_block=_block(ctx, owner),
        name=config.name,
        failure_mode_allow=enum_name(config, "failure_mode") == "ALLOW",
    )
    if bool(config.module) == bool(config.file):
        ctx.error(at, "one of module and file says where the filter is", "set one of them")
        return HttpFilter(python=made)
    settings = to_json(struct_to_python(config.config))
    plan = ScriptPlan(config.module, config.file, config.name, settings)
    if config.HasField("timeout"):
        # Less than a millisecond is not for ever.
        limit = milliseconds(config.timeout) or int(config.timeout.nanos > 0)
        plan = replace(plan, limit_ms=limit)
    try:
        made.script = ctx.load_script(plan)
    except ScriptError as error:
        ctx.error(f"{at}.{error.field}".rstrip("."), str(error))
    return HttpFilter(python=made)


def _block(ctx: CompileContext, owner: HttpFilterOwner) -> int:
    return owner.block(ctx.blocks, BlockKind.PYTHON, "python")


EXTENSION = HttpExtension("lateen.filters.http.python", _TYPE, compile_python, SUPPORT)
