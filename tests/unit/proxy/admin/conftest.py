"""The endpoints on a fake core and a fake server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lateen.protos import worker_pb2
from lateen.proxy.admin.context import AdminContext
from lateen.proxy.admin.dispatch import Dispatcher
from lateen.proxy.admin.exchange import AdminRequest, AdminResponse, split_target
from lateen.proxy.log.logger import Log
from lateen.proxy.log.pattern import compile_pattern
from lateen.proxy.options import Options
from lateen.proxy.prepare import prepare
from lateen.proxy.runtime import RuntimeLayers
from lateen.proxy.stats.process import ProcessFacts, ServerState
from lateen.proxy.stats.source import StatsSource
from lateen.proxy.workers import Workers
from tests.unit.proxy.fake_core import FakeCore

CONFIG = """
node: {id: node-1, cluster: cl-1}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
layered_runtime:
  layers: [{name: base, static_layer: {a: 1, b: {c: x}}}, {name: admin, admin_layer: {}}]
static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 10000}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config:
            name: local
            virtual_hosts:
            - {name: vh, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: be}}]}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: be
    connect_timeout: 0.25s
    load_assignment: {cluster_name: be, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}
  - name: other
    circuit_breakers: {thresholds: [{max_requests: 7}]}
    load_assignment: {cluster_name: other}
"""  # noqa: E501


class FakeControl:
    """A server that only remembers."""

    def __init__(self) -> None:
        self.state = ServerState.LIVE
        self.uptime_s = 5
        self.calls: list[object] = []

    def set_health_check_failed(self, failed: bool) -> None:
        self.calls.append(("health", failed))

    def drain_listeners(self, **flags: bool) -> None:
        self.calls.append(flags)

    def quit(self) -> None:
        self.calls.append("quit")

    def reopen_logs(self) -> None:
        self.calls.append("reopen")


@dataclass
class Admin:
    """The endpoints, and what they work on."""

    core: FakeCore
    control: FakeControl
    context: AdminContext
    dispatch: Callable[[AdminRequest], AdminResponse]
    log_file: Path

    def ask(self, target: str, method: str = "GET") -> AdminResponse:
        path, query = split_target(target)
        return self.dispatch(AdminRequest(method, path, query, target))

    def text(self, target: str, method: str = "GET") -> str:
        body = self.ask(target, method).body
        return body if isinstance(body, str) else "".join(body)


@pytest.fixture
def admin(tmp_path: Path) -> Admin:
    options = Options(config_yaml=CONFIG)
    preparation = prepare(options)
    prepared = preparation.prepared
    assert prepared is not None, preparation.diagnostics
    core, control = FakeCore(), FakeControl()
    address = worker_pb2.Address(socket=worker_pb2.SocketAddress(host="127.0.0.1", port=10000))
    core.listener_statuses.listeners.add(name="main", addresses=[address])
    host = worker_pb2.Address(socket=worker_pb2.SocketAddress(host="::1", port=1))
    statuses = core.cluster_statuses.clusters
    statuses.add(name="other", ready=True)
    statuses.add(name="be", ready=True).hosts.add(
        address=host, hostname="local", weight=2, zone="z", rq_total=4, rq_success=4, cx_active=1
    )
    workers = Workers(core, 2)
    source = StatsSource(
        core, prepared.blocks, prepared.stats, lambda: ProcessFacts(2, state=control.state)
    )
    context = AdminContext(
        options=options,
        concurrency=2,
        control=control,
        workers=workers,
        stats=source,
        log=Log(compile_pattern("%v"), path=str(tmp_path / "log")),
        config=prepared.config,
        summary=prepared.summary,
        runtime=RuntimeLayers(prepared.runtime, lambda values: core.apply(repr(values).encode())),
    )
    return Admin(core, control, context, Dispatcher(context), tmp_path / "log")
