import os

import pytest

from lateen.control.registry.files import (
    read_directories,
    read_files,
    stamps_of,
)
from lateen.control.resources.meta import Key

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec: {ports: [{port: PORT}]}
"""
A, B = Key("Service", "default", "a"), Key("Service", "default", "b")


def service(name, port=80):
    return SERVICE.replace("NAME", name).replace("PORT", str(port))


def write(directory, name, text):
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def told(reading, directory):
    return [str(one).removeprefix(f"{directory}/") for one in reading.problems]


def ports(reading):
    return {key.name: one.spec.ports[0].port for key, one in reading.resources.items()}


def test_files_of_all_folders_are_read_but_hidden_ones(tmp_path):
    write(tmp_path, "a.yaml", service("a"))
    write(tmp_path, "deep/er/b.yml", service("b"))
    write(tmp_path, ".git/c.yaml", service("c"))
    write(tmp_path, ".d.yaml", service("d"))
    write(tmp_path, "e.txt", service("e"))
    write(
        tmp_path, "f.json", '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}'
    )
    assert set(read_directories((tmp_path,)).resources) == {A, B, Key("Namespace", "", "n")}


def test_an_invalid_manifest_is_refused_alone(tmp_path):
    write(tmp_path, "a.yaml", service("a") + "---\n" + service("b", "x"))
    reading = read_directories((tmp_path,))
    assert set(reading.resources) == {A}
    assert told(reading, tmp_path) == [
        "a.yaml:9:17: error: spec.ports[0].port: expected `int`, got `str`"
    ]


def test_the_last_valid_version_stays_in_force(tmp_path):
    write(tmp_path, "a.yaml", service("a") + "---\n" + service("b"))
    first = read_directories((tmp_path,))
    write(tmp_path, "a.yaml", service("a", 81) + "---\n" + service("b", "x"))
    second = read_directories((tmp_path,), first)
    assert ports(second) == {"a": 81, "b": 80}
    assert len(second.problems) == 1
    write(tmp_path, "a.yaml", service("a", 82) + "---\n" + service("b", 83))
    third = read_directories((tmp_path,), second)
    assert ports(third) == {"a": 82, "b": 83}
    assert third.problems == ()


def test_what_the_rules_of_its_kind_refuse_leaves_what_was(tmp_path):
    rule = (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\n"
        "spec: {host: HOST}\n"
    )
    write(tmp_path, "a.yaml", rule.replace("HOST", "a"))
    first = read_directories((tmp_path,))
    write(tmp_path, "a.yaml", rule.replace("HOST", "a_b"))
    second = read_directories((tmp_path,), first)
    (kept,) = second.resources.values()
    assert kept.spec.host == "a"
    assert told(second, tmp_path) == [
        "a.yaml:4:8: error: spec.host: 'a_b' is no name of a host: 'a_b' is no label "
        "(a name as reviews or reviews.shop.svc.cluster.local)"
    ]


def test_all_of_a_file_that_is_half_written_stays(tmp_path):
    write(tmp_path, "a.yaml", service("a") + "---\n" + service("b"))
    first = read_directories((tmp_path,))
    write(tmp_path, "a.yaml", service("a", 81) + "---\n{")
    second = read_directories((tmp_path,), first)
    assert ports(second) == {"a": 80, "b": 80}
    assert told(second, tmp_path) == [
        "a.yaml:7:1: error: while parsing a flow node, did not find expected node content"
    ]


def test_what_is_removed_is_gone(tmp_path):
    write(tmp_path, "a.yaml", service("a") + "---\n" + service("b"))
    write(tmp_path, "c.yaml", service("c"))
    first = read_directories((tmp_path,))
    write(tmp_path, "a.yaml", service("a"))
    (tmp_path / "c.yaml").unlink()
    assert set(read_directories((tmp_path,), first).resources) == {A}


def test_of_two_with_one_name_the_first_file_counts(tmp_path):
    write(tmp_path, "1.yaml", service("a", 1))
    write(tmp_path, "2.yaml", service("a", 2))
    reading = read_directories((tmp_path,))
    assert ports(reading) == {"a": 1}
    assert told(reading, tmp_path) == [
        "2.yaml:3:12: error: metadata.name: Service default/a is already defined in "
        f"{tmp_path}/1.yaml:3 (rename one)"
    ]
    (tmp_path / "1.yaml").unlink()
    second = read_directories((tmp_path,), reading)
    assert (ports(second), second.problems) == ({"a": 2}, ())
    write(tmp_path, "0.yaml", service("a", 0))
    third = read_directories((tmp_path,), second)
    assert ports(third) == {"a": 0}
    assert told(third, tmp_path)[0].startswith(
        "2.yaml:3:12: error: metadata.name: Service default/a"
    )


def test_a_file_that_did_not_change_is_not_read_again(tmp_path):
    write(tmp_path, "a.yaml", service("a"))
    write(tmp_path, "b.yaml", service("b", "x"))
    first = read_directories((tmp_path,))
    second = read_directories((tmp_path,), first)
    assert second.resources[A] is first.resources[A]
    assert second.problems == first.problems


def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no directory"):
        stamps_of(tmp_path / "none")


def test_what_is_no_text_is_told(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    (problem,) = read_directories((tmp_path,)).problems
    assert "codec can't decode" in problem.message


def test_only_the_files_that_changed_are_read_again(tmp_path):
    write(tmp_path, "a.yaml", service("a"))
    write(tmp_path, "b.yaml", service("b"))
    first = read_directories((tmp_path,))
    write(tmp_path, "a.yaml", service("a", 81))
    write(tmp_path, "b.yaml", service("b", 81))
    second = read_files((tmp_path,), first, [str(tmp_path / "a.yaml")])
    assert ports(second) == {"a": 81, "b": 80}
    (tmp_path / "a.yaml").unlink()
    third = read_files((tmp_path,), second, [str(tmp_path / "a.yaml")])
    assert ports(third) == {"b": 80}
    write(tmp_path, "a.yaml", service("a") + "---\n{")
    fourth = read_files((tmp_path,), third, [str(tmp_path / "a.yaml")])
    assert (ports(fourth), len(fourth.problems)) == ({"b": 80}, 1)


def test_a_name_that_two_files_define_is_the_first_files_however_they_are_read(tmp_path):
    write(tmp_path, "b.yaml", service("a", 81))
    first = read_directories((tmp_path,))
    write(tmp_path, "a.yaml", service("a", 80))
    second = read_files((tmp_path,), first, [str(tmp_path / "a.yaml")])
    assert (ports(second), len(second.problems)) == ({"a": 80}, 1)
    (tmp_path / "a.yaml").unlink()
    third = read_files((tmp_path,), second, [str(tmp_path / "a.yaml")])
    assert (ports(third), third.problems) == ({"a": 81}, ())


def test_several_directories_are_one_mesh(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    write(here, "a.yaml", service("a", 80))
    write(there, "b.yaml", service("b"))
    write(there, "c.yaml", service("a", 81))
    reading = read_directories((here, there))
    assert ports(reading) == {"a": 80, "b": 80}
    assert told(reading, there) == [
        f"c.yaml:3:12: error: metadata.name: Service default/a is already defined in "
        f"{here}/a.yaml:3 (rename one)"
    ]
    assert read_directories((here, there), reading).resources == reading.resources
    with pytest.raises(FileNotFoundError):
        read_directories((here, tmp_path / "none"))
