import asyncio
import os

import pytest

from lateen.control import watch
from lateen.control.inotify import Inotify, NoInotifyError
from lateen.control.registry.registry import Registry

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec: {ports: [{port: 80}]}
"""


def write(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    part.write_text(SERVICE.replace("NAME", name))
    part.rename(folder / f"{name}.yaml")


async def names_after(directory, change, *, wanted):
    """The names of services, read until they are as wanted."""
    registry: Registry = watch.Directories((directory,))
    found = registry.changes(registry.read())

    async def look():
        async for reading in found:
            names = {key.name for key in reading.resources}
            if names == wanted:
                return names
        return None

    looking = asyncio.create_task(look())
    await asyncio.sleep(0.2)
    change()
    names = await asyncio.wait_for(looking, 20)
    await found.aclose()
    return names


@pytest.fixture(params=["told", "looked at"])
def way(request, monkeypatch):
    if request.param == "looked at":

        def nothing(self):
            raise NoInotifyError("no more of it")

        monkeypatch.setattr(Inotify, "__init__", nothing)


@pytest.mark.usefixtures("way")
def test_files_that_come_change_and_go_are_read(tmp_path):
    write(tmp_path, "a")
    assert asyncio.run(names_after(tmp_path, lambda: write(tmp_path, "b"), wanted={"a", "b"}))
    gone = asyncio.run(names_after(tmp_path, (tmp_path / "a.yaml").unlink, wanted={"b"}))
    assert gone == {"b"}
    deep = tmp_path / "new" / "er"
    assert asyncio.run(names_after(tmp_path, lambda: write(deep, "c"), wanted={"b", "c"}))
    assert asyncio.run(names_after(tmp_path, lambda: write(deep, "d"), wanted={"b", "c", "d"}))


def test_the_kernel_tells_names_and_when_it_does_not_know(tmp_path):
    inotify = Inotify()
    try:
        inotify.watch(tmp_path)
        (tmp_path / "a.yaml").write_text("x")
        assert inotify.read() == {tmp_path / "a.yaml"}
        assert inotify.read() == set()
        (tmp_path / "folder").mkdir()
        assert inotify.read() is None
        (tmp_path / ".data").mkdir()
        os.symlink(".data", tmp_path / "..data")
        assert inotify.read() is None
        with pytest.raises(FileNotFoundError):
            inotify.watch(tmp_path / "none")
    finally:
        inotify.close()


def test_a_folder_that_goes_while_it_is_listed_is_passed_over(tmp_path, monkeypatch):
    listed = [(str(tmp_path / "gone"), [], []), (str(tmp_path), [], [])]
    monkeypatch.setattr(os, "walk", lambda folder: iter(listed))
    inotify = Inotify()
    inotify.watch(tmp_path)
    write(tmp_path, "a")
    assert tmp_path / "a.yaml" in inotify.read()
    inotify.close()
