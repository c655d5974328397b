import stat
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from lateen.control.ca.authority import CaError, pem
from lateen.control.ca.files import CERTIFICATE, KEY, ROOT, load, load_or_create
from lateen.identity.keys import new_key
from lateen.identity.spiffe import Identity
from tests.support.authorities import intermediate, of_unknown_curve

WHO = Identity("cluster.local", "shop", "reviews")


def test_a_root_is_made_once_and_kept(tmp_path):
    first = load_or_create(tmp_path / "ca", "cluster.local")
    again = load_or_create(tmp_path / "ca", "cluster.local")
    assert first.root == again.root
    assert first.key.private_numbers() == again.key.private_numbers()
    assert stat.S_IMODE((tmp_path / "ca" / KEY).stat().st_mode) == 0o600
    left = first.root.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=3600) < left < timedelta(days=3651)


def serial_of_root(directory, _):
    return load_or_create(directory, "cluster.local").root.serial_number


def test_of_several_processes_one_makes_the_root(tmp_path):
    with ProcessPoolExecutor(4) as pool:
        serials = set(pool.map(partial(serial_of_root, tmp_path / "ca"), range(12)))
    assert len(serials) == 1


def test_a_given_intermediate_signs_and_is_sent_with_what_it_signs(tmp_path):
    authority = load(intermediate(tmp_path))
    leaf, between = authority.sign(new_key().public_key(), WHO)
    leaf.verify_directly_issued_by(between)
    between.verify_directly_issued_by(authority.root)
    assert leaf.not_valid_after_utc <= between.not_valid_after_utc


def test_of_several_roots_the_last_is_the_one_above_the_signer(tmp_path):
    folder = intermediate(tmp_path)
    other = load_or_create(tmp_path / "other", "cluster.local").root
    own = load(folder).root
    (folder / ROOT).write_text(pem(own) + pem(other))
    assert load(folder).roots == (other, own)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (KEY, "x", "ca-key.pem is no private key"),
        (CERTIFICATE, "x", "ca-cert.pem has no certificate"),
        (ROOT, None, "cannot read .*root-cert.pem: No such file or directory"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path, file, content, message):
    folder = intermediate(tmp_path)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)
    with pytest.raises(CaError, match=message):
        load(folder)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (KEY, "ca-key.pem is no private key: Curve"),
        (CERTIFICATE, "ca-cert.pem has a key that cannot be read: Curve"),
        (ROOT, "root-cert.pem: no root in it signed"),
    ],
)
def test_files_of_a_curve_that_is_not_known_are_named(tmp_path, file, message):
    folder = intermediate(tmp_path)
    (folder / file).write_bytes(of_unknown_curve((folder / file).read_bytes()))
    with pytest.raises(CaError, match=message):
        load(folder)


def test_files_that_do_not_belong_together_are_told(tmp_path):
    folder = intermediate(tmp_path)
    load_or_create(tmp_path / "other", "cluster.local")
    (folder / KEY).write_bytes((tmp_path / "other" / KEY).read_bytes())
    with pytest.raises(CaError, match=r"ca-key.pem is not the key of .*ca-cert.pem"):
        load(folder)


def test_a_root_that_signed_something_else_is_told(tmp_path):
    folder = intermediate(tmp_path)
    load_or_create(tmp_path / "other", "cluster.local")
    (folder / ROOT).write_bytes((tmp_path / "other" / ROOT).read_bytes())
    with pytest.raises(CaError, match=r"root-cert.pem: no root in it signed O=cluster"):
        load(folder)


def test_a_directory_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CaError, match=r"cannot write the authority to .*file/ca"):
        load_or_create(tmp_path / "file" / "ca", "cluster.local")
