import pytest

from lateen.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["control", "--nonsense"], "No such option: --nonsense"),
        (["translate", "somewhere"], "Missing option '--proxy'"),
    ],
)
def test_a_mistake_is_told_of_without_a_traceback(capfd, arguments, said):
    assert main(arguments) == 2
    _, err = capfd.readouterr()
    assert said in err
    assert "Traceback" not in err


def test_the_result_of_a_command_is_the_exit_code(tmp_path, capfd):
    absent = str(tmp_path / "absent")
    node = "sidecar~10.0.0.1~a.b~b.svc.cluster.local"
    assert main(["translate", absent, "--proxy", node]) == 1
    assert absent in capfd.readouterr().err
    assert main(["version"]) == 0


def test_a_fault_is_told_in_a_line(monkeypatch, capfd, tmp_path):
    def fail(*_):
        raise KeyError("clusters")

    monkeypatch.setattr("lateen.cli.translate.load", fail)
    arguments = ["translate", str(tmp_path), "--proxy", "sidecar~10.0.0.1~a.b~b.svc.cluster.local"]
    assert main(arguments) == 70
    said = "lateen: KeyError: 'clusters' (a fault of Lateen's own; LATEEN_TRACEBACK=1 prints where)"
    assert capfd.readouterr().err.splitlines() == [said]
    monkeypatch.setattr("lateen.cli.sidecar.run", fail)
    assert main(["sidecar"]) == 70
    assert capfd.readouterr().err.splitlines() == [said]
    monkeypatch.setenv("LATEEN_TRACEBACK", "1")
    assert main(arguments) == 70
    assert 'raise KeyError("clusters")' in capfd.readouterr().err
