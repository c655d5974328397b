import pytest

from lateen.identity.spiffe import Identity, IdentityError

WHO = Identity("cluster.local", "shop", "reviews")


@pytest.mark.parametrize(
    "uri",
    [
        "spiffe://td/ns/a",
        "https://td/ns/a/sa/b",
        "spiffe://td/ns/a/sa/b/c",
        "spiffe://t d/ns/a/sa/b",
    ],
)
def test_what_is_no_identity(uri):
    with pytest.raises(IdentityError):
        Identity.parse(uri)


def test_an_identity_is_written_as_it_is_read():
    assert Identity.parse(str(WHO)) == WHO
