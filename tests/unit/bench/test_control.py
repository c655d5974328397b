import socket
import xml.etree.ElementTree as ET

import pytest

from bench.control import measure, report, svg
from bench.control.http2 import Stream
from bench.control.manifests import Directory, Service
from bench.errors import BenchError
from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from lateen.control.registry.files import read_directories

VALUES = dict.fromkeys(report.TITLES, 10.0)


def test_the_manifests_are_a_mesh_in_which_one_endpoint_moves(tmp_path):
    directory = Directory(tmp_path, 20)
    directory.write()
    first = read_directories((tmp_path,))
    assert (len(first.resources), first.problems) == (44, ())
    mesh = Mesh(MeshConfig(), "cluster.local", tuple(first.resources.values()))
    host = "service-7.ns-7.svc.cluster.local"
    before = {one.address for one in mesh.endpoints[host]}
    assert before == {Service(7).address(number) for number in range(10)}
    directory.put_endpoints(Service(7), moved=3)
    second = read_directories((tmp_path,), first)
    mesh = Mesh(MeshConfig(), "cluster.local", tuple(second.resources.values()))
    after = {one.address for one in mesh.endpoints[host]}
    assert after - before == {Service(7).address(13)}
    assert before - after == {Service(7).address(0)}


def test_the_report_judges_the_size_that_the_targets_are_for():
    slow = {**VALUES, measure.ROUTE_P99: 1500.0}
    text = report.markdown({"date": "today"}, {100: VALUES, 1000: slow}, 1000)
    assert "| a VirtualService changes: p99, ms | 10 | 1,500 |" in text
    assert "| a VirtualService changes: p99, ms | 1,500 | 1,000 | no |" in text
    assert "| resources sent that did not change | 10 | 0 | no |" in text


def test_the_picture_has_a_panel_for_each_target():
    root = ET.fromstring(report.picture({100: VALUES, 1000: VALUES}))
    lines = root.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 4


def test_points_are_drawn_from_left_to_right_and_upwards():
    text = svg.panels([svg.Panel("a & b", [(1, 0), (2, 5)])], "x")
    (line,) = ET.fromstring(text).findall(".//{http://www.w3.org/2000/svg}polyline")
    (x1, y1), (x2, y2) = (map(float, one.split(",")) for one in line.get("points").split())
    assert x1 < x2
    assert y1 > y2


def test_the_client_says_when_the_stream_is_ended():
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = Stream(server.getsockname()[1], "/path")
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            accepted.sendall(b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8))
            with pytest.raises(BenchError, match="ended a stream"):
                until(stream)
        stream.close()


def test_the_client_keeps_to_the_windows_and_joins_what_comes_in_parts():
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = Stream(server.getsockname()[1], "/path")
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(5)
            stream.send(bytes(100_000))
            head = received(accepted)
            assert 48_000 < len(head) <= 66_000
            more = b"".join(
                b"\x00\x00\x04\x08\x00" + bytes((0, 0, 0, number)) + (200_000).to_bytes(4, "big")
                for number in (0, 1)
            )
            message = b"\x00\x00\x00\x00\x05hello"
            parts = [
                b"\x00\x00" + bytes((len(one), 0, 0, 0, 0, 0, 1)) + one
                for one in (message[:3], message[3:])
            ]
            accepted.sendall(more + parts[0])
            assert until(stream) == []
            assert len(head + received(accepted)) > 100_000
            accepted.sendall(parts[1])
            assert until(stream) == [b"hello"]
        stream.close()


def received(connection):
    connection.settimeout(0.3)
    found = b""
    try:
        while data := connection.recv(1 << 16):
            found += data
    except TimeoutError:
        pass
    return found


def until(stream):
    stream.socket.settimeout(5)
    stream.socket.recv(1, socket.MSG_PEEK)
    stream.socket.setblocking(False)
    return stream.read()
