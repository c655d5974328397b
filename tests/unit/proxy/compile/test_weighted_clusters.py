import pytest
from envoy.config.core.v3.base_pb2 import Metadata

from lateen.proxy.compile.weighted_clusters import compile_weighted_clusters
from tests.support.messages import context, errors, message


def compiled(text, ctx=None):
    source = message("config.route.v3.WeightedCluster", text)
    return compile_weighted_clusters(ctx or context(), source, Metadata(), "w")


def test_clusters_by_name_and_by_header():
    weighted = compiled(
        """
        header_name: X-Random
        runtime_key_prefix: p
        clusters:
        - name: a
          weight: 3
          host_rewrite_literal: h
          request_headers_to_remove: [Z]
        - {cluster_header: X-C, weight: 0}
        """
    )
    assert weighted.header_name == "x-random"
    first, second = weighted.clusters
    assert (first.name, first.weight, first.runtime_key) == ("a", 3, "p.a")
    assert first.host_rewrite_literal == "h"
    assert list(first.mutations.request_remove) == ["z"]
    assert (second.cluster_header, second.weight) == ("x-c", 0)


@pytest.mark.parametrize(
    ("clusters", "error"),
    [
        (
            [{"name": "a", "weight": 0}],
            "w.clusters: Sum of weights in the weighted_cluster must be",
        ),
        ([{"name": "a"}, {"name": "b", "weight": 1}], "w.clusters[0].weight: Field 'weight' is"),
        ([{"weight": 1}], "w.clusters[0]: At least one of name or cluster_header need to be"),
        (
            [{"name": "a", "cluster_header": "b", "weight": 1}],
            "w.clusters[0]: Only one of name or cluster_header can be specified",
        ),
        (
            [{"name": "a", "weight": 2**32 - 1}, {"name": "b", "weight": 1}],
            "w.clusters: The sum of weights of all upstream clusters of a route exceeds",
        ),
    ],
)
def test_what_envoy_refuses(clusters, error):
    ctx = context()
    compiled({"clusters": clusters}, ctx)
    assert len(errors(ctx)) == 1
    assert errors(ctx)[0].startswith(error)


def test_an_unknown_cluster_has_words_of_its_own():
    ctx = context(clusters=set())
    compiled("clusters: [{name: a, weight: 1}]", ctx)
    assert errors(ctx) == ["w.clusters[0].name: route: unknown weighted cluster 'a'"]
