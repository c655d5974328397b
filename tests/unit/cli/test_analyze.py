import json

import pytest

from lateen.cli.main import main

GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g}
spec: {selector: {gw: a}, servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: ['*']}]}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n"


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "gateway.yaml").write_text(GATEWAY)
    (tmp_path / "service.yaml").write_text(SERVICE)
    (tmp_path / "notes.txt").write_text("no manifest: [")
    return tmp_path


def test_messages_are_told_with_code_resource_and_place(directory, capsys):
    assert main(["analyze", str(directory)]) == 79
    first, second = capsys.readouterr().out.splitlines()
    assert first == (
        f"Error [IST0101] (Gateway default/g {directory}/deep/gateway.yaml:4) "
        "No pod has the labels of the selector gw=a"
    )
    assert second.startswith(f"Info [IST0118] (Service default/s {directory}/service.yaml:4) ")


def test_the_exit_code_is_that_of_the_threshold(directory, capsys):
    service = str(directory / "service.yaml")
    assert main(["analyze", service]) == 0
    assert main(["analyze", service, "--failure-threshold", "info"]) == 79
    assert main(["analyze", service, "--failure-threshold", "Warning"]) == 0
    assert "IST0118" in capsys.readouterr().out


def test_less_may_be_printed_than_counts(directory, capsys):
    assert main(["analyze", str(directory), "--output-threshold", "Error"]) == 79
    assert "IST0118" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["json", "yaml"])
def test_messages_as_data(directory, capsys, name):
    assert main(["analyze", str(directory), "-o", name]) == 0
    out = capsys.readouterr().out
    if name == "yaml":
        assert out.startswith("- code: IST0101\n  documentationUrl: https://istio.io/")
        return
    assert json.loads(out)[0] == {
        "code": "IST0101",
        "documentationUrl": "https://istio.io/latest/docs/reference/config/analysis/ist0101/",
        "level": "Error",
        "message": "No pod has the labels of the selector gw=a",
        "origin": "Gateway default/g",
        "reference": f"{directory}/deep/gateway.yaml:4",
    }


def test_what_is_suppressed_is_not_told(directory, capsys):
    suppressed = ["-S", "IST0101=Gateway *", "--suppress", "IST0118=Service s.default"]
    assert main(["analyze", str(directory), *suppressed]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"No validation issues found in {directory}." in captured.err


def test_the_namespace_of_manifests_that_say_none(directory, capsys):
    assert main(["analyze", str(directory), "--namespace", "edge"]) == 79
    assert "(Gateway edge/g " in capsys.readouterr().out


def test_one_analyzer_alone(directory, capsys):
    assert main(["analyze", str(directory), "--analyzer", "service.PortNameAnalyzer"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert main(["analyze", "-L"]) == 0
    assert "* service.PortNameAnalyzer:\n" in capsys.readouterr().out


def test_a_file_that_is_no_yaml_is_told_and_the_rest_is_analyzed(directory, capsys):
    broken = directory / "broken.yaml"
    broken.write_text("a: [")
    assert main(["analyze", str(directory)]) == 79
    assert f"{broken}:2:1: error: " in capsys.readouterr().err
    assert main(["analyze", str(broken)]) == 65


def test_what_names_no_resource_is_told_and_the_rest_is_analyzed(directory, capsys):
    other = directory / "other.yaml"
    other.write_text("- 1\n---\nspec: {}\n")
    assert main(["analyze", str(other)]) == 65
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{other}:1:1: error: a manifest is a mapping")
    assert second == f"{other}:3:1: error: the manifest has no apiVersion"
    assert main(["analyze", str(directory)]) == 79


def test_settings_of_the_mesh(directory, capsys):
    networks = directory / "networks.txt"
    networks.write_text("networks: {one: {endpoints: [{fromRegistry: west}]}}\n")
    service = str(directory / "service.yaml")
    assert main(["analyze", service, "--mesh-networks-file", str(networks)]) == 79
    assert f"(MeshNetworks istio-system/meshnetworks {networks}:1)" in capsys.readouterr().out
    telemetry = directory / "telemetry.yaml"
    telemetry.write_text(
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t}\n"
        "spec: {accessLogging: [{}]}\n"
    )
    assert main(["analyze", str(telemetry)]) == 0
    assert "IST0157" in capsys.readouterr().out
    mesh = directory / "mesh.txt"
    mesh.write_text("defaultProviders: {accessLogging: [a]}\n")
    assert main(["analyze", str(telemetry), "--mesh-config-file", str(mesh)]) == 0
    assert capsys.readouterr().out == ""


def test_settings_that_are_no_text_are_told_with_their_file(tmp_path, capsys):
    settings = tmp_path / "mesh.yaml"
    settings.write_bytes(b"\xff")
    assert main(["analyze", "/dev/null", "--mesh-config-file", str(settings)]) == 1
    assert capsys.readouterr().err.startswith(f"lateen analyze: {settings}: 'utf-8' codec")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name a directory or files with manifests"),
        (["/no/such"], "there is no /no/such"),
        (["/tmp", "--suppress", "x"], "'x' is not CODE=RESOURCE"),
        (["/tmp", "--failure-threshold", "x"], "'x' is no level: Error, Warning, Info"),
        (["/tmp", "--analyzer", "x"], "there is no analyzer 'x'"),
        (["/dev/null", "--mesh-config-file", "/no/such"], "No such file"),
    ],
)
def test_mistakes_of_the_user(arguments, told, capsys):
    assert main(["analyze", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("lateen analyze: ")
    assert told in error


def test_standard_input(monkeypatch, capsys):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(GATEWAY))
    assert main(["analyze", "-"]) == 79
    assert "(Gateway default/g -:4)" in capsys.readouterr().out
