import msgspec

from lateen.control.proxy_status import refusals, table
from lateen.control.waiting import State

PAGE = [
    {
        "proxy": "b.shop",
        "cluster_id": "Kubernetes",
        "istio_version": "1",
        "cluster_sent": "n2",
        "cluster_acked": "n2",
        "listener_sent": "n3",
        "listener_acked": "n2",
        "route_sent": "n1",
    },
    {"proxy": "a.shop", "cluster_id": "Kubernetes", "istio_version": "1"},
]


def test_each_type_is_synced_stale_or_not_sent():
    head, first, second = table(PAGE).splitlines()
    assert head.split() == ["NAME", "CLUSTER", "CDS", "LDS", "EDS", "RDS", "ECDS", "VERSION"]
    assert first.split("     ")[0].strip() == "a.shop"
    columns = [one.strip() for one in second.split("     ") if one.strip()]
    assert columns == [
        "b.shop",
        "Kubernetes",
        "SYNCED",
        "STALE",
        "NOT SENT",
        "STALE (Never Acknowledged)",
        "NOT SENT",
        "1",
    ]


def test_one_proxy_or_none():
    assert len(table(PAGE, "a.shop").splitlines()) == 2
    assert table(PAGE, "x.shop") == ""
    assert table([]) == ""


def test_what_was_refused_is_told_by_type_and_resource():
    proxies = [
        {
            "proxy": "a.shop",
            "connection": "a.shop-1",
            "sent": 1,
            "acknowledged": 1,
            "refused": {"cds": {"x": "no"}},
        }
    ]
    page = msgspec.convert({"generation": 1, "digest": "", "proxies": proxies}, State)
    assert refusals(page, "a.shop") == "refused: cds x: no\n"
    assert refusals(page, "b.shop") == ""
