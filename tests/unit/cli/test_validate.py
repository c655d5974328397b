from lateen.cli.main import main

RIGHT = """\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: a}
spec: {mtls: {mode: STRICT}}
"""


def test_each_file_is_valid_or_told_what_is_wrong(tmp_path, capsys):
    right, wrong = tmp_path / "right.yaml", tmp_path / "wrong.yaml"
    right.write_text(RIGHT)
    assert main(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{right} is valid\n"
    wrong.write_text(RIGHT.replace("{mtls: {mode: STRICT}}", "{portLevelMtls: {80: {}}}"))
    assert main(["validate", str(right), str(wrong)]) == 1
    captured = capsys.readouterr()
    assert captured.out == f"{right} is valid\n"
    assert captured.err == (
        f"{wrong}:4:8: error: spec.portLevelMtls: ports are those of selected workloads "
        "(set selector.matchLabels)\n"
    )


def test_warnings_refuse_nothing(tmp_path, capsys):
    file = tmp_path / "a.yaml"
    file.write_text(RIGHT.replace("{mtls", "{selector: {}, mtls"))
    assert main(["validate", str(file)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{file} is valid\n"
    assert f"{file}:4:8: warning: spec.selector: " in captured.err


def test_a_file_that_is_no_yaml_or_missing(tmp_path, capsys):
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    assert main(["validate", str(broken)]) == 1
    assert f"{broken}:2:1: error: " in capsys.readouterr().err
    assert main(["validate", str(tmp_path / "none.yaml")]) == 1
    assert capsys.readouterr().err == f"lateen validate: there is no {tmp_path / 'none.yaml'}\n"
