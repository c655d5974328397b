from lateen.control.ca.authority import new_authority, root_name
from lateen.control.ca.files import CERTIFICATE, write_signer
from lateen.control.ca.keeper import Keeper


def test_what_changes_in_the_files_is_taken_over_once_they_are_quiet(tmp_path):
    said = []
    keeper = Keeper(tmp_path, "cluster.local", said.append)
    first = keeper.authority
    other = new_authority(root_name("cluster.local"))
    write_signer(tmp_path, other)
    keeper.look()
    assert keeper.authority is first
    keeper.look()
    assert keeper.authority.root == other.root
    (line,) = said
    assert line.startswith("the authority changed: 1 roots, it signs until ")
    keeper.look()
    assert len(said) == 1


def test_files_that_do_not_belong_together_change_nothing_and_are_told_once(tmp_path):
    said = []
    keeper = Keeper(tmp_path, "cluster.local", said.append)
    first, right = keeper.authority, (tmp_path / CERTIFICATE).read_text()
    (tmp_path / CERTIFICATE).write_text("nonsense")
    for _ in range(3):
        keeper.look()
    assert keeper.authority is first
    (line,) = said
    assert line.startswith("the authority stays as it was: ")
    assert "ca-cert.pem has no certificate" in line
    (tmp_path / CERTIFICATE).write_text(right)
    for _ in range(3):
        keeper.look()
    assert keeper.authority.root == first.root
    assert len(said) == 2
