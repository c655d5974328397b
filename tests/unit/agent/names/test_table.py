import pytest

from lateen.agent.names.table import Host, Names, NamesError, Viewpoint, names_of
from lateen.xds.messages import Received, Response
from lateen.xds.resource_types import NDS_TYPE_URL
from tests.support.name_tables import NAMES, SHOP, TABLE


@pytest.mark.parametrize(
    "name",
    [
        "reviews.shop.svc.cluster.local",
        "reviews.shop.svc",
        "reviews.shop",
        "reviews",
        "Reviews.Shop",
    ],
)
def test_a_service_of_the_own_namespace_has_short_names(name):
    assert NAMES.find(name) == Host(("10.1.0.1",), ())


def test_a_service_of_another_namespace_is_called_with_its_namespace():
    host = Host(("10.1.0.2",), ("fd00::2",))
    assert NAMES.find("cart.other") == NAMES.find("cart.other.svc") == host
    assert NAMES.find("cart") is None


def test_a_service_of_another_cluster_has_its_full_name_alone():
    far = Names(TABLE, Viewpoint("shop", "other.domain"))
    assert far.find("reviews.shop.svc.cluster.local") is not None
    assert far.find("reviews.shop") is None


def test_hosts_outside_the_cluster_have_no_short_names():
    assert NAMES.find("api.example.com") == Host(("240.240.0.1",), ())
    assert NAMES.find("api") is None


def test_the_nearest_wildcard_stands_for_what_is_below_it():
    assert NAMES.find("a.b.example.org") == Host(("240.240.0.2",), ())
    assert NAMES.find("example.org") is None


def test_a_name_under_the_first_search_domain_is_an_alias():
    assert NAMES.find("api.example.com.shop.svc.cluster.local") == Host(
        ("240.240.0.1",), (), alias_of="api.example.com"
    )
    assert NAMES.find("cart.other.shop.svc.cluster.local").alias_of == "cart.other"
    assert NAMES.find("api.example.com.svc.cluster.local") is None


def test_addresses_that_are_none_are_left_to_others():
    assert NAMES.find("broken.example.com") is None


def test_an_answer_of_the_control_plane_is_the_whole_table():
    body = TABLE.SerializeToString()
    response = Response(NDS_TYPE_URL, "1", "1", [Received("", NDS_TYPE_URL, body)])
    assert names_of(response, SHOP).find("reviews") is not None
    assert len(names_of(Response(NDS_TYPE_URL, "2", "2"), SHOP)) == 0
    with pytest.raises(NamesError):
        names_of(Response(NDS_TYPE_URL, "3", "3", [Received("", NDS_TYPE_URL, b"\xff")]), SHOP)
