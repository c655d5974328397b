import ssl
from pathlib import Path

from lateen.agent.secrets.files import FileSecrets
from lateen.protos import envoy_types
from lateen.xds.resource_types import SDS


def parsed(body):
    made = envoy_types().message_class(SDS.message)()
    made.ParseFromString(body)
    return made


def trusted(body):
    return parsed(body).validation_context.trusted_ca.inline_bytes


def test_a_certificate_and_its_key_are_in_two_files(tmp_path):
    certificate, key = tmp_path / "a.pem", tmp_path / "a.key"
    certificate.write_bytes(b"certificate")
    key.write_bytes(b"key")
    name = f"file-cert:{certificate}~{key}"
    found = parsed(FileSecrets([].append).added([name])[name])
    own = found.tls_certificate
    assert found.name == name
    assert (own.certificate_chain.inline_bytes, own.private_key.inline_bytes) == (
        b"certificate",
        b"key",
    )


def test_a_file_that_changes_is_read_again(tmp_path):
    file = tmp_path / "root.pem"
    file.write_bytes(b"first")
    name = f"file-root:{file}"
    files = FileSecrets([].append)
    assert trusted(files.added([name])[name]) == b"first"
    assert files.added([name]) == files.changed() == {}
    file.with_suffix(".new").write_bytes(b"other")
    file.with_suffix(".new").replace(file)
    assert trusted(files.changed()[name]) == b"other"
    assert files.changed() == {}


def test_a_file_that_cannot_be_read_is_told_once_and_taken_when_it_can(tmp_path):
    said = []
    name = f"file-root:{tmp_path / 'root.pem'}"
    files = FileSecrets(said.append)
    assert files.added([name]) == files.changed() == {}
    assert len(said) == 1
    assert "root.pem: No such file" in said[0]
    (tmp_path / "root.pem").write_bytes(b"late")
    assert trusted(files.changed()[name]) == b"late"


def test_the_machines_own_roots_have_a_name():
    found = FileSecrets([].append).added(["file-root:system"])
    machine = Path(ssl.get_default_verify_paths().cafile)
    assert trusted(found["file-root:system"]) == machine.read_bytes()


def test_other_names_are_none_of_files():
    said = []
    assert FileSecrets(said.append).added(["default", "kubernetes://tls"]) == {}
    assert said == []
