"""Resources in files."""

import asyncio
import json
import os

import pytest

from lateen.proxy.xds.document import DocumentError, read_document
from lateen.proxy.xds.watcher import DirectoryWatcher
from lateen.xds.resource_types import CDS, EDS
from tests.unit.proxy.xds.harness import bootstrap, fill, running, until

CLUSTERS = """\
version_info: "{version}"
resources:
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: {name}
  type: STATIC
"""


def replace(path, text):
    """Moves a new file over `path`, as one has to."""
    new = path.with_name("new")
    new.write_text(text)
    new.rename(path)


def at(path, **fields):
    return {"path_config_source": {"path": str(path), **fields}, "resource_api_version": "V3"}


@pytest.fixture
def path(tmp_path):
    directory = tmp_path / "config"
    directory.mkdir()
    file = directory / "cds.yaml"
    file.write_text(CLUSTERS.format(version="1", name="a"))
    return file


def test_a_file_is_read_and_read_again_when_it_is_replaced(tmp_path, path):
    async def run():
        async with running(bootstrap(), tmp_path) as client:
            clusters = client.subscribe(fields=at(path))
            await until(lambda: clusters.names == ["a"])
            assert clusters.updates[0].full
            assert client.value("test.cds.version_text") == "1"
            path.write_text(CLUSTERS.format(version="2", name="in-place"))
            replace(path, CLUSTERS.format(version="3", name="b"))
            await until(lambda: clusters.names == ["b"])
            assert len(clusters.updates) == 2
            assert client.value("test.cds.update_attempt") == 2
            clusters.handle.close()
            replace(path, CLUSTERS.format(version="4", name="c"))
            await asyncio.sleep(0.05)
            assert len(clusters.updates) == 2

    asyncio.run(run())


def test_the_deprecated_path_is_watched_too(tmp_path, path):
    async def run():
        async with running(bootstrap(), tmp_path) as client:
            clusters = client.subscribe(fields={"path": str(path), "resource_api_version": "V3"})
            await until(lambda: clusters.names == ["a"])
            replace(path, CLUSTERS.format(version="2", name="b"))
            await until(lambda: clusters.names == ["b"])
            assert client.value("test.cds.version_text") == "2"
            assert [update.full for update in clusters.updates] == [True, True]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "counter", "logged"),
    [
        ("a: [ b", "update_failure", "Filesystem config update failure: in "),
        ("resources: 5", "update_failure", "Filesystem config update failure: in "),
        ("", "update_failure", "there is no mapping with resources"),
        (
            CLUSTERS.replace("cluster.v3.Cluster", "listener.v3.Listener").replace(
                "  type: STATIC\n", ""
            ),
            "update_rejected",
            "Unable to unpack as envoy.config.cluster.v3.Cluster",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said_and_the_next_one_counts(
    tmp_path, path, text, counter, logged
):
    async def run():
        async with running(bootstrap(), tmp_path) as client:
            clusters = client.subscribe(fields=at(path))
            await until(lambda: clusters.names == ["a"])
            replace(path, text.format(version="2", name="b") if "{" in text else text)
            await until(lambda: clusters.failures)
            assert client.value(f"test.cds.{counter}") == 1
            assert logged in str(client.logged)
            replace(path, CLUSTERS.format(version="3", name="c"))
            await until(lambda: clusters.names == ["c"])

    asyncio.run(run())


def test_unknown_fields_are_logged_and_ignored(tmp_path, path):
    async def run():
        async with running(bootstrap(), tmp_path) as client:
            path.write_text(CLUSTERS.format(version="1", name="a") + "  newer_field: 3\n")
            clusters = client.subscribe(fields=at(path))
            await until(lambda: clusters.names == ["a"])
            assert "newer_field" in str(client.logged)

    asyncio.run(run())


def test_a_watched_directory_counts_for_what_is_behind_a_link(tmp_path, path):
    """As Kubernetes swaps the directory behind the link `..data`."""
    mount = tmp_path / "mount"
    for version, name in (("1", "a"), ("2", "b")):
        (mount / f"..{version}").mkdir(parents=True)
        text = CLUSTERS.format(version=version, name=name)
        (mount / f"..{version}" / "cds.yaml").write_text(text)
    (mount / "..data").symlink_to("..1")
    (mount / "cds.yaml").symlink_to("..data/cds.yaml")

    async def run():
        async with running(bootstrap(), tmp_path) as client:
            watched = {"watched_directory": {"path": str(mount)}}
            clusters = client.subscribe(fields=at(mount / "cds.yaml", **watched))
            await until(lambda: clusters.names == ["a"])
            (mount / "..next").symlink_to("..2")
            os.rename(mount / "..next", mount / "..data")
            await until(lambda: clusters.names == ["b"])
            assert client.value("test.cds.version_text") == "2"
            assert clusters.failures == []

    asyncio.run(run())


def test_a_file_may_be_looked_at_at_intervals(tmp_path, path):
    async def run():
        async with running(bootstrap(), tmp_path) as client:
            clusters = client.subscribe(fields=at(path, poll_interval="0.05s"))
            await until(lambda: clusters.names == ["a"])
            assert client.value("test.cds.version_text") == "1"
            path.write_text(CLUSTERS.format(version="2", name="b"))
            os.utime(path, ns=(1, 1))
            await until(lambda: clusters.names == ["b"])
            assert client.value("test.cds.version_text") == "2"
            assert len(clusters.updates) == 2, "a file that did not change is not read again"

    asyncio.run(run())


def test_names_choose_what_comes_out_of_a_file(tmp_path):
    file = tmp_path / "eds.json"
    endpoint_type = EDS.type_url
    resources = [{"@type": endpoint_type, "cluster_name": name} for name in ("a", "b")]
    file.write_text(json.dumps({"version_info": "1", "resources": resources}))

    async def run():
        async with running(bootstrap(), tmp_path) as client:
            a = client.subscribe(EDS, ["a"], fields=at(file), prefix="cluster.a")
            await until(lambda: a.names == ["a"])
            a.handle.set_names(["b"])
            await until(lambda: a.names == ["b"])
            assert len(a.updates) == 2
            assert client.value("cluster.a.version_text") == "1", "the file is the same"

    asyncio.run(run())


@pytest.mark.parametrize("ending", ["pb", "pb_text"])
def test_the_ending_tells_the_format(tmp_path, ending):
    message = fill(
        "envoy.service.discovery.v3.DiscoveryResponse",
        {"version_info": "1", "resources": [{"@type": CDS.type_url, "name": "a"}]},
    )
    file = tmp_path / f"cds.{ending}"
    if ending == "pb":
        file.write_bytes(message.SerializeToString())
    else:
        file.write_text(
            'version_info: "1" resources { '
            "[type.googleapis.com/envoy.config.cluster.v3.Cluster] { name: 'a' } }"
        )
    response = read_document(str(file)).response
    assert [each.name for each in response.resources] == ["a"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.json", b"{"),
        ("x.json", b"[]"),
        ("x.yaml", b"\xff"),
        ("x.pb", b"\xff"),
        ("x.pb_text", b"{"),
    ],
)
def test_a_file_that_is_no_answer_is_an_error(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DocumentError):
        read_document(str(tmp_path / name))
    with pytest.raises(DocumentError, match="No such file"):
        read_document(str(tmp_path / "other"))


def test_a_directory_is_watched_without_inotify(tmp_path, monkeypatch):
    monkeypatch.setattr("lateen.proxy.xds.watcher.sys.platform", "other")
    monkeypatch.setattr("lateen.proxy.xds.watcher._LOOK_S", 0.02)

    async def run():
        watcher = DirectoryWatcher()
        heard = []
        stop = watcher.watch(str(tmp_path), heard.append)
        os.utime(tmp_path, ns=(1, 1))
        (tmp_path / "x").write_text("")
        await until(lambda: "x" in heard)
        stop()
        stop()
        os.utime(tmp_path, ns=(2, 2))
        (tmp_path / "y").write_text("")
        await asyncio.sleep(0.1)
        assert "y" not in heard
        watcher.close()

    asyncio.run(run())
