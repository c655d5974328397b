"""Runtime layers on disk."""

import pytest

from lateen.proxy.disk_layer import DiskLayer, DiskLayerError, value_of
from lateen.proxy.runtime import RuntimeLayer, RuntimeLayers
from tests.support.messages import message


def disk_layer(text, cluster="c"):
    return DiskLayer.of(message("config.bootstrap.v3.RuntimeLayer", text), cluster)


@pytest.fixture
def write(tmp_path):
    def put(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return put


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42\n", "42"),
        ("# why\n12\n", "12"),
        ("  # no comment\n12\n", "  # no comment\n12"),
        ("12\n# trailing\n", "12\n"),
        ("# only\n", ""),
        ("  5  \n", "  5"),
        ("hello\nworld\n\n", "hello\nworld"),
        ("a\nb\na\n", "ab\na"),
        ("\r\n5\r\n", "\r\n5"),
        ("", ""),
    ],
)
def test_values(text, value):
    assert value_of(text) == value


def test_folders_make_keys(tmp_path, write):
    write("v/sub/a/b/num", "1\n")
    write("v/sub/a.dot", "x")
    write("v/sub/top", "true")
    layer = disk_layer(f"disk_layer: {{symlink_root: {tmp_path}/v, subdirectory: sub}}")
    assert layer.read() == {"a.b.num": "1", "a.dot": "x", "top": "true"}


def test_the_service_cluster_may_be_a_folder(tmp_path, write):
    write("v/sub/c/k", "1")
    layer = disk_layer(
        f"disk_layer: {{symlink_root: {tmp_path}/v, subdirectory: sub,"
        " append_service_cluster: true}"
    )
    assert layer.read() == {"k": "1"}


def test_no_directory_is_no_layer(tmp_path):
    assert disk_layer(f"disk_layer: {{symlink_root: {tmp_path}/v}}").read() is None


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        ("''", "invalid file path "),
        (
            "/does/not/exist",
            "unable to add filesystem watch for file /does/not/exist: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_watched(root, reason):
    with pytest.raises(DiskLayerError) as caught:
        disk_layer(f"disk_layer: {{symlink_root: {root}}}")
    assert str(caught.value) == reason


def test_what_cannot_be_read(tmp_path, write):
    layer = disk_layer(f"disk_layer: {{symlink_root: {tmp_path}/v}}")
    write("v/k", "a: : b")
    with pytest.raises(DiskLayerError, match=r"/v/k: "):
        layer.read()
    (tmp_path / "v/k").write_bytes(b"\xff")
    with pytest.raises(DiskLayerError, match="not UTF-8"):
        layer.read()
    (tmp_path / "v/k").unlink()
    (tmp_path / "v/k").symlink_to("nowhere")
    with pytest.raises(DiskLayerError, match=r"unable to read .*/v/k: No such file or directory"):
        layer.read()


def test_sixteen_folders_and_no_more(tmp_path, write):
    layer = disk_layer(f"disk_layer: {{symlink_root: {tmp_path}/v}}")
    write("v/" + "d/" * 15 + "k", "1")
    assert layer.read() == {"d." * 15 + "k": "1"}
    write("v/" + "d/" * 16 + "k", "1")
    with pytest.raises(DiskLayerError, match="Walk recursion depth exceeded 16"):
        layer.read()


def test_a_layer_that_cannot_be_read_is_left_out_and_counted(tmp_path, write):
    write("v/k", " 2 \n")
    published = []
    disk = RuntimeLayer("d", disk=DiskLayer(f"{tmp_path}/v", f"{tmp_path}/v"))
    disk.load()
    runtime = RuntimeLayers([RuntimeLayer("s", {"k": "1"}), disk], published.append)
    assert runtime.merged() == {"k": "2"}
    write("v/bad", "a: : b")
    runtime.load()
    assert [each.name for each in runtime.layers] == ["s"]
    assert published == [{"k": "1"}]
    assert (runtime.loads.success, runtime.loads.error) == (2, 1)
    assert (runtime.loads.dir_exists, runtime.loads.dir_not_exists) == (0, 3)
    (tmp_path / "v/bad").unlink()
    runtime.load()
    assert published[1:] == [{"k": "2"}]
    assert runtime.errors == []
