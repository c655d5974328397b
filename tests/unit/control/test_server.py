"""Who gets private keys: who is known by a certificate, or is of this machine."""

import asyncio

import pytest

from lateen.control.server import unproved
from lateen.identity.spiffe import Identity
from lateen.xds.codec import new_message, parse_message
from lateen.xds.resource_types import SDS, ads_path
from tests.support.gateways import gateway, https, pair, secret
from tests.support.manifests import resources
from tests.support.mesh import router
from tests.support.secured import secured_port

NODE = router().id


def node(labels):
    request = new_message("DeltaDiscoveryRequest")
    request.node.id = NODE
    request.node.metadata.update({"LABELS": labels, "SERVICE_ACCOUNT": "gw"})
    return request


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("ipv4:127.0.0.1:4000", True),
        ("ipv6:%5B::1%5D:4000", True),
        ("unix:", True),
        ("ipv4:10.0.0.1:4000", False),
        ("ipv6:%5B2001:db8::1%5D:4000", False),
        ("", False),
    ],
)
def test_without_tls_this_machines_own_are_believed(peer, trusted):
    assert unproved(peer, node({}).node).trusted is trusted


def test_a_gateway_gets_its_secret_over_tls(tmp_path):
    mesh = resources(gateway(https()) + secret("c", **pair("srv")))

    async def body():
        async with secured_port(tmp_path, resources=mesh) as port:
            key, issued = await port.join(Identity("cluster.local", "edge", "gw"))
            request = node({"istio": "ingress"})
            request.type_url = SDS.type_url
            request.resource_names_subscribe.append("kubernetes://c")
            async with port.channel(key, issued.chain) as channel:
                call = channel.stream_stream(ads_path(delta=True))()
                await call.write(request.SerializeToString())
                answer = await call.read()
                call.cancel()
                return answer

    answer = parse_message("DeltaDiscoveryResponse", asyncio.run(body()))
    assert [one.name for one in answer.resources] == ["kubernetes://c"]
