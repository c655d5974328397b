import pytest

from lateen.proxy.compile.mirror import compile_mirrors
from tests.support.messages import context, errors, message


def mirrors(ctx, **given):
    policy = message("config.route.v3.RouteAction.RequestMirrorPolicy", given)
    return compile_mirrors(ctx, [policy], "m")


def test_a_cluster_or_the_header_that_names_it():
    (by_name,) = mirrors(context(), cluster="c")
    assert by_name.cluster == "c"
    assert not by_name.HasField("fraction")
    (by_header,) = mirrors(context(), cluster_header="X-To")
    assert by_header.cluster_header == "x-to"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "Exactly one of cluster or cluster_header in request mirror policy"),
        ({"cluster": "c", "cluster_header": "h"}, "Only one of cluster or cluster_header"),
    ],
)
def test_one_target_is_needed(given, reason):
    ctx = context()
    mirrors(ctx, **given)
    (report,) = errors(ctx)
    assert reason in report


def test_an_unknown_cluster_is_an_error():
    ctx = context(clusters={"known"})
    mirrors(ctx, cluster="unknown")
    (report,) = errors(ctx)
    assert "unknown shadow cluster 'unknown'" in report
    assert report.startswith("m[0].cluster")


def test_what_a_copy_looks_like():
    (mirror,) = mirrors(
        context(),
        cluster="c",
        disable_shadow_host_suffix_append=True,
        host_rewrite_literal="h",
        request_headers_mutations=[{"remove": "X-A"}],
        runtime_fraction={"default_value": {"numerator": 5}, "runtime_key": "k"},
    )
    assert mirror.keeps_host
    assert mirror.host_rewrite_literal == "h"
    assert [each.remove for each in mirror.mutations] == ["x-a"]
    assert (mirror.fraction.numerator, mirror.fraction.runtime_key) == (5, "k")
