"""The admin part of a bootstrap: where to listen, what to log, which paths to allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.protos import worker_pb2
from lateen.proxy.compile.access_log import compile_access_logs
from lateen.proxy.compile.address import compile_address
from lateen.proxy.compile.matchers import compile_string
from lateen.proxy.string_match import string_test

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Admin

    from lateen.proxy.compile.context import CompileContext


@dataclass(frozen=True)
class AdminSettings:
    """How the admin listener is configured.

    Attributes:
        address: where it listens; None: there is none.
        access_logs: compiled access logs.
        allowed: tests of which a request's path must pass one; none: every path is allowed.
    """

    address: worker_pb2.Address | None = None
    access_logs: Sequence[worker_pb2.AccessLog] = ()
    allowed: Sequence[Callable[[str], bool]] = ()


def compile_admin(ctx: CompileContext, admin: Admin) -> AdminSettings:
    """The settings in a bootstrap's `admin`; problems are reported to the context."""
    if not admin.HasField("address"):
        return AdminSettings()
    logs = compile_access_logs(ctx, admin.access_log, "admin.access_log")
    if admin.access_log_path:
        logs.append(worker_pb2.AccessLog(path=admin.access_log_path))
    tests = []
    for index, matcher in enumerate(admin.allow_paths):
        at = f"admin.allow_paths[{index}]"
        tests.append(string_test(compile_string(ctx, matcher, at)))
    return AdminSettings(compile_address(ctx, admin.address, "admin.address"), logs, tests)
