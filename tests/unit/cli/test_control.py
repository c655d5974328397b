import pytest

from lateen.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--san", "a.test"), "--secure-address and --san need --ca: the authority of the mesh"),
        (("--ca", "file"), "cannot write the authority to file: File exists"),
        (
            ("--ca", "ca", "--secure-address", "nonsense"),
            "cannot listen to nonsense: it is not HOST:PORT",
        ),
        (("--ca", "ca", "--san", "a b"), "'a b' is no name of a host, and no address"),
    ],
)
def test_what_does_not_serve_is_told(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "mesh").mkdir()
    assert main(["control", "mesh", "--address", "127.0.0.1:0", *arguments]) == 1
    assert capsys.readouterr().err == f"lateen control: {message}\n"
