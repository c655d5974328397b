import pytest

from lateen.proxy.compile.stats_blocks import PROCESS_BLOCK, BlockKind, StatsBlocks


def test_the_first_block_is_the_process():
    blocks = StatsBlocks()
    assert blocks[PROCESS_BLOCK].kind is BlockKind.PROCESS
    assert len(blocks) == 1


def test_a_name_keeps_its_number_and_kinds_do_not_mix():
    blocks = StatsBlocks()
    cluster = blocks.allot(BlockKind.CLUSTER, "x", {"envoy.cluster_name": "x"})
    other = blocks.allot(BlockKind.HTTP, "x")
    assert cluster != other
    assert blocks.allot(BlockKind.CLUSTER, "x") == cluster
    assert [block.number for block in blocks] == [1, cluster, other]
    assert blocks[cluster].tags == (("envoy.cluster_name", "x"),)


@pytest.mark.parametrize(
    ("name", "stat"),
    [
        ("listener.127.0.0.1:80", "listener.127.0.0.1_80"),
        ("listener.[::1]:80", "listener.[__1]_80"),
        ("cluster.http://a:/b", "cluster.http_a_b"),
    ],
)
def test_colons_become_underscores(name, stat):
    blocks = StatsBlocks()
    block = blocks[blocks.allot(BlockKind.LISTENER, name, {"tag": name})]
    assert block.prefix == stat
    assert block.tags == (("tag", stat),)


def test_a_number_that_was_not_allotted_is_a_key_error():
    with pytest.raises(KeyError):
        StatsBlocks()[2]
