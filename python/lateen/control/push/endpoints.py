"""Whether a change of endpoints decides nothing but where traffic goes."""

from __future__ import annotations

from collections.abc import Iterable, Set

from lateen.control.mesh import Mesh
from lateen.control.model.service import Endpoint, Resolution


def only_traffic(before: Mesh, after: Mesh, own: Set[str]) -> bool:
    """Whether two meshes, alike but for endpoints, differ in assignments alone.

    Not so where endpoints are part of clusters or listeners (DNS, headless services), where other
    identities or another mode of TLS appear, or where workloads with proxies get or lose services.

    Args:
        own: the addresses of workloads whose proxies are connected.
    """
    for key in before.endpoints.keys() | after.endpoints.keys():
        old, new = before.endpoints.get(key, ()), after.endpoints.get(key, ())
        if old is new:
            continue
        service = after.services.get(key)
        if service is None or service.resolution is not Resolution.STATIC:
            return False
        moved = _addresses(old) ^ _addresses(new)
        if _peers(old) != _peers(new) or moved & own:
            return False
    return True


def _addresses(endpoints: Iterable[Endpoint]) -> Set[str]:
    return {one.address for one in endpoints}


def _peers(endpoints: Iterable[Endpoint]) -> Set[tuple[str, str, str]]:
    return {(one.namespace, one.service_account, one.tls_mode) for one in endpoints}
