"""Names of a mesh for tests."""

from lateen.agent.names.table import Names, Viewpoint
from lateen.protos.nds_pb2 import NameTable

SHOP = Viewpoint("shop", "cluster.local", search="shop.svc.cluster.local")


def table(**hosts):
    """A name table; `_` in a name stands for its dots."""
    made = NameTable()
    for name, (ips, *service) in hosts.items():
        info = made.table[name.replace("__", "*").replace("_", ".")]
        info.ips.extend(ips)
        if service:
            info.registry, info.shortname, info.namespace = "Kubernetes", *service
    return made


TABLE = table(
    reviews_shop_svc_cluster_local=(["10.1.0.1"], "reviews", "shop"),
    cart_other_svc_cluster_local=(["10.1.0.2", "fd00::2"], "cart", "other"),
    db_shop_svc_cluster_local=(["10.0.0.1", "10.0.0.2", "10.0.0.3"], "db", "shop"),
    api_example_com=(["240.240.0.1"],),
    ___example_org=(["240.240.0.2"],),
    broken_example_com=(["nonsense"],),
)
NAMES = Names(TABLE, SHOP)
