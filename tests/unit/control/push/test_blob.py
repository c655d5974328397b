from lateen.control.push.blob import blob
from lateen.control.push.encoding import Encoder
from lateen.control.push.watch import Push
from lateen.control.translate import api
from lateen.control.wire import encode
from lateen.xds.codec import decode_delta, decode_sotw
from lateen.xds.resource_types import CDS


def cluster(name):
    return blob(name, api.Cluster(name=name, alt_stat_name="x" * 300))


def push(*names, delta=True, removed=()):
    return Push(CDS.type_url, "7/abc", "n1", [cluster(one) for one in names], removed, delta)


def test_a_push_is_a_response_of_the_protocol():
    response = decode_delta(encode(push("a", "b", removed=("c",))))
    assert (response.type_url, response.version, response.nonce) == (CDS.type_url, "7/abc", "n1")
    assert [(one.name, one.type_url) for one in response.resources] == [
        ("a", CDS.type_url),
        ("b", CDS.type_url),
    ]
    assert response.resources[0].body == cluster("a").body
    assert response.resources[0].version == cluster("a").version
    assert response.removed == ("c",)


def test_the_same_in_state_of_the_world():
    response = decode_sotw(encode(push("a", "b", delta=False)))
    assert (response.version, response.nonce) == ("7/abc", "n1")
    assert [(one.name, one.body) for one in response.resources] == [
        (name, cluster(name).body) for name in ("a", "b")
    ]


def test_an_empty_message_is_a_resource():
    empty = blob("e", api.ClusterLoadAssignment())
    assert (empty.body, empty.size) == (b"", 0)


def test_equal_messages_are_one_version_and_others_another():
    assert cluster("a").version == cluster("a").version != cluster("b").version


def test_what_is_sent_to_several_is_encoded_once():
    made = []

    def encoded(one):
        made.append(one)
        return encode(one)

    encoder, shared = Encoder(encoded), push("a")
    same = Push(shared.type_url, shared.version, shared.nonce, shared.resources, (), True)
    assert encoder(shared) is encoder(same) is encoder(push("a"))
    assert encoder(push("b")) is not encoder(shared)
    assert encoder(push("a", removed=("c",))) != encoder(shared)
    assert len(made) == 3
