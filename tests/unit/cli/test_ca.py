from cryptography.hazmat.primitives import hashes

from lateen.cli.main import main
from lateen.control.ca.files import load, load_or_create


def run(capsys, *arguments):
    code = main(["ca", *arguments])
    done = capsys.readouterr()
    return code, done.out, done.err


def test_the_steps_of_a_new_root_are_shown(tmp_path, capsys):
    old = load_or_create(tmp_path, "cluster.local").root
    code, out, _ = run(capsys, "rotate", "--ca", str(tmp_path))
    assert code == 0
    assert out.startswith("prepared: both roots are trusted; the next step has the new one sign")
    code, out, _ = run(capsys, "show", "--ca", str(tmp_path))
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["root", "root", "signs", "prepared:"]
    assert lines[2].endswith(f"SHA-256 {old.fingerprint(hashes.SHA256()).hex()}")


def test_a_step_that_comes_too_early_changes_nothing(tmp_path, capsys):
    load_or_create(tmp_path, "cluster.local")
    run(capsys, "rotate", "--ca", str(tmp_path))
    before = load(tmp_path)
    code, out, told = run(capsys, "rotate", "--ca", str(tmp_path))
    assert (code, out) == (1, "")
    assert told.startswith("lateen ca: the last step (prepared) may not have reached all workloads")
    assert load(tmp_path).roots == before.roots
    assert run(capsys, "rotate", "--ca", str(tmp_path), "--now")[0] == 0
    assert load(tmp_path).root != before.root


def test_a_directory_without_an_authority_is_told(tmp_path, capsys):
    code, _, told = run(capsys, "show", "--ca", str(tmp_path))
    assert code == 1
    assert told == f"lateen ca: cannot read {tmp_path}/ca-cert.pem: No such file or directory\n"
