import pytest

from lateen.protos import envoy_types
from lateen.xds.codec import (
    BadMessageError,
    decode_delta,
    decode_sotw,
    encode_request,
    resource_name,
)
from lateen.xds.messages import DeltaRequest, SotwRequest
from lateen.xds.resource_types import CDS, RESOURCE_TYPES

PACKAGE = "envoy.service.discovery.v3"


def new(full_name, **fields):
    return envoy_types().message_class(full_name)(**fields)


def parsed(name, data):
    return envoy_types().message_class(f"{PACKAGE}.{name}").FromString(data)


def test_a_request_of_state_of_the_world():
    node = new("envoy.config.core.v3.Node", id="n", cluster="c").SerializeToString()
    request = SotwRequest(CDS.type_url, "v1", ("a", "b"), "n1", "no good")
    message = parsed("DiscoveryRequest", encode_request(request, node))
    assert message.node.id == "n"
    assert (message.version_info, message.response_nonce) == ("v1", "n1")
    assert list(message.resource_names) == ["a", "b"]
    assert (message.error_detail.code, message.error_detail.message) == (13, "no good")
    bare = parsed("DiscoveryRequest", encode_request(SotwRequest(CDS.type_url), None))
    assert not bare.HasField("node")
    assert not bare.HasField("error_detail")


def test_a_delta_request():
    request = DeltaRequest(CDS.type_url, ("a",), ("b",), {"c": "1"}, "n1", None)
    message = parsed("DeltaDiscoveryRequest", encode_request(request, None))
    assert list(message.resource_names_subscribe) == ["a"]
    assert list(message.resource_names_unsubscribe) == ["b"]
    assert dict(message.initial_resource_versions) == {"c": "1"}
    assert message.response_nonce == "n1"


def cluster(name):
    return new("envoy.config.cluster.v3.Cluster", name=name)


def test_answers_of_state_of_the_world_are_unwrapped():
    response = new(f"{PACKAGE}.DiscoveryResponse", version_info="v1", nonce="n1")
    response.control_plane.identifier = "cp"
    plain = response.resources.add()
    plain.type_url, plain.value = CDS.type_url, cluster("a").SerializeToString()
    wrapper = new(f"{PACKAGE}.Resource", name="b", version="7")
    wrapper.resource.type_url = CDS.type_url
    wrapper.resource.value = cluster("b").SerializeToString()
    wrapper.ttl.FromMilliseconds(1500)
    packed = response.resources.add()
    packed.type_url = f"type.googleapis.com/{PACKAGE}.Resource"
    packed.value = wrapper.SerializeToString()
    found = decode_sotw(response.SerializeToString())
    assert found.control_plane == "cp"
    assert [(each.name, each.type_url, each.ttl_s) for each in found.resources] == [
        ("a", CDS.type_url, None),
        ("b", CDS.type_url, 1.5),
    ]
    assert found.resources[1].body == cluster("b").SerializeToString()


def test_a_wrapper_that_is_none_is_left_for_the_type_check():
    response = new(f"{PACKAGE}.DiscoveryResponse")
    packed = response.resources.add()
    packed.type_url, packed.value = f"type.googleapis.com/{PACKAGE}.Resource", b"\xff"
    (found,) = decode_sotw(response.SerializeToString()).resources
    assert found.type_url.endswith("Resource")


def test_delta_answers_have_aliases_heartbeats_and_removed_names():
    response = new(f"{PACKAGE}.DeltaDiscoveryResponse", system_version_info="v1")
    response.resources.add(name="a", version="1", aliases=["x"])
    response.resources[0].resource.type_url = CDS.type_url
    response.resources.add(name="b", version="2").ttl.seconds = 3
    response.removed_resources.append("c")
    found = decode_delta(response.SerializeToString())
    a, b = found.resources
    assert (a.body, a.aliases) == (b"", ("x",))
    assert (b.body, b.ttl_s) == (None, 3.0)
    assert list(found.removed) == ["c"]
    assert found.control_plane is None


@pytest.mark.parametrize("decode", [decode_sotw, decode_delta])
@pytest.mark.parametrize("data", [b"\xff\xff", b"\x0a\x05a", b"\x0a\x01\xff"])
def test_garbage_is_no_answer(decode, data):
    with pytest.raises(BadMessageError):
        decode(data)


@pytest.mark.parametrize("kind", RESOURCE_TYPES, ids=lambda kind: kind.short)
def test_the_name_is_the_first_field_of_each_type(kind):
    message = new(kind.message)
    field = message.DESCRIPTOR.fields_by_number[1]
    setattr(message, field.name, "näme")
    assert resource_name(message.SerializeToString()) == "näme"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"", ""),
        (b"\x0a\x01a\x0a\x01b", "b"),
        (b"\x10\x80\x01\x0a\x01b", "b"),
        (b"\x11" + bytes(8) + b"\x1d" + bytes(4) + b"\x0a\x01b", "b"),
        (b"\x0a\x05a", ""),
        (b"\x0a\x01\xff", ""),
        (b"\x0b", ""),
        (b"\x80", ""),
        (b"\xff" * 20, ""),
    ],
)
def test_names_are_found_wherever_they_are_and_garbage_has_none(body, name):
    assert resource_name(body) == name
