"""A stand-in for the Rust extension: remembers what it is asked, answers what it is told."""

from __future__ import annotations

import array

from lateen.protos import worker_pb2


class FakeCore:
    """lateen._core.Workers without workers."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.arrays: list[tuple[int, int, bytes]] = []
        self.raw_histograms: list[tuple[int, int, int, bytes]] = []
        self.codes: list[tuple[int, int, int, int]] = []
        self.named: list[tuple[int, str, int]] = []
        self.raw_named_histograms: list[tuple[int, int, str, bytes]] = []
        self.cluster_statuses = worker_pb2.ClusterStatuses()
        self.listener_statuses = worker_pb2.ListenerStatuses()
        self.rejections = worker_pb2.Rejections()
        self.messages: list[tuple[int, str, str]] = []
        self.connections = 0

    def set_array(self, worker: int, block: int, values: dict[int, int], size: int = 112) -> None:
        numbers = array.array("q", [0] * size)
        for index, value in values.items():
            numbers[index] = value
        self.arrays.append((worker, block, numbers.tobytes()))

    def set_histogram(self, worker: int, block: int, index: int, bins: dict[int, int]) -> None:
        pairs = array.array("Q", [number for pair in bins.items() for number in pair])
        self.raw_histograms.append((worker, block, index, pairs.tobytes()))

    def apply(self, update: bytes) -> bytes:
        self.calls.append(("apply", update))
        return self.rejections.SerializeToString()

    def check(self, update: bytes) -> bytes:
        self.calls.append(("check", update))
        return self.rejections.SerializeToString()

    def start(self) -> None:
        self.calls.append(("start",))

    def drain(self, over_ms: int = 0) -> None:
        self.calls.append(("drain", over_ms) if over_ms else ("drain",))

    def listening_sockets(self) -> list[int]:
        return []

    def adopt_sockets(self, descriptors: list[int]) -> None:
        self.calls.append(("adopt_sockets", len(descriptors)))

    def release_sockets(self) -> None:
        self.calls.append(("release_sockets",))

    def fail_health_check(self, failed: bool) -> None:
        self.calls.append(("fail_health_check", failed))

    def stop_listeners(self, inbound_only: bool = False) -> None:
        self.calls.append(("stop_listeners", inbound_only))

    def active_connections(self) -> int:
        return self.connections

    def shutdown(self) -> None:
        self.calls.append(("shutdown",))

    def block_arrays(self) -> list[tuple[int, int, bytes]]:
        return self.arrays

    def histograms(self) -> list[tuple[int, int, int, bytes]]:
        return self.raw_histograms

    def response_codes(self) -> list[tuple[int, int, int, int]]:
        return self.codes

    def named_counters(self) -> list[tuple[int, str, int]]:
        return self.named

    def named_histograms(self) -> list[tuple[int, int, str, bytes]]:
        return self.raw_named_histograms

    def reset_counters(self) -> None:
        self.calls.append(("reset_counters",))

    def clusters(self) -> bytes:
        return self.cluster_statuses.SerializeToString()

    def listeners(self) -> bytes:
        return self.listener_statuses.SerializeToString()

    def reopen_logs(self) -> None:
        self.calls.append(("reopen_logs",))

    def set_log_level(self, component: str, level: int) -> None:
        self.calls.append(("set_log_level", component, level))

    def wake_log(self) -> None:
        self.calls.append(("wake_log",))

    def next_log(self, timeout_s: float) -> tuple[int, str, str] | None:
        return self.messages.pop(0) if self.messages else None
