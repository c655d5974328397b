from datetime import datetime, timedelta

import pytest
from cryptography import x509

from lateen.control.ca.authority import CaError, new_authority, root_name
from lateen.control.ca.files import write_signer
from lateen.control.ca.keeper import Keeper
from lateen.control.secure import server_tls
from lateen.control.secure.server_tls import ServerTls


def made(tmp_path, names=()):
    keeper = Keeper(tmp_path, "cluster.local", lambda _: None)
    return keeper, ServerTls(keeper, lambda: "cluster.local", names)


def test_a_context_serves_until_half_its_certificates_life_is_over(tmp_path, monkeypatch):
    _, tls = made(tmp_path)
    first = tls.context("10.0.0.1")
    assert tls.context("10.0.0.1") is first

    class Later(datetime):
        @classmethod
        def now(cls, zone):
            return datetime.now(zone) + timedelta(hours=12, minutes=1)

    monkeypatch.setattr(server_tls, "datetime", Later)
    assert tls.context("10.0.0.1") is not first


def test_another_authority_means_another_context(tmp_path):
    keeper, tls = made(tmp_path)
    first = tls.context("10.0.0.1")
    write_signer(tmp_path, new_authority(root_name("cluster.local")))
    keeper.look()
    keeper.look()
    second = tls.context("10.0.0.1")
    assert second is not first
    (root,) = second.get_ca_certs(binary_form=True)
    assert x509.load_der_x509_certificate(root) == keeper.authority.root


def test_contexts_of_many_addresses_are_not_kept_forever(tmp_path):
    _, tls = made(tmp_path)
    first = tls.context("127.0.0.0")
    for number in range(1, 64):
        tls.context(f"127.0.0.{number}")
    assert tls.context("127.0.0.0") is not first


@pytest.mark.parametrize("name", ["münchen.example", "*"])
def test_a_name_that_no_certificate_can_have_is_told(tmp_path, name):
    with pytest.raises(CaError, match="is no name of a host, and no address"):
        made(tmp_path, [name])
