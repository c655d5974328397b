import pytest

from lateen.proxy.compile.collection import check_collection
from tests.support.messages import context, errors, message

CLUSTER = "envoy.config.cluster.v3.Cluster"
CLUSTERS = f"xdstp://authority/{CLUSTER}/*"


def check(locator, source):
    ctx = context()
    made = message("config.core.v3.ConfigSource", source)
    check_collection(ctx, locator, made, CLUSTER, ("locator", "source"))
    return errors(ctx)


@pytest.mark.parametrize("kind", ["DELTA_GRPC", "AGGREGATED_GRPC", "AGGREGATED_DELTA_GRPC"])
def test_over_a_stream(kind):
    assert check(CLUSTERS, {"api_config_source": {"api_type": kind}}) == []


@pytest.mark.parametrize(
    "locator",
    [
        CLUSTERS,
        CLUSTERS.replace("*", "one"),
        CLUSTERS.replace("authority", ""),
        f"{CLUSTERS}?a=b",
    ],
)
def test_over_ads(locator):
    assert check(locator, {"ads": {}}) == []


def test_in_a_file_without_a_source():
    assert check("file:///etc/clusters.yaml", {}) == []


@pytest.mark.parametrize(
    ("locator", "reason"),
    [
        ("dir/*", "dir/* does not have a xdstp:, http: or file: scheme"),
        ("xdstp://authority", "Resource type missing from /"),
        (
            "xdstp://a/envoy.config.listener.v3.Listener/*",
            f"xdstp:// type does not match {CLUSTER} in"
            " xdstp://a/envoy.config.listener.v3.Listener/*",
        ),
        (f"{CLUSTERS}#entry=b", "directives of a locator are not implemented"),
        ("http://a/b", "no collection comes from http://a/b: an xdstp: or file: locator"),
        ("file:etc/clusters", "file:etc/clusters: file:///PATH is needed"),
    ],
)
def test_a_locator_that_is_none(locator, reason):
    (error,) = check(locator, {"ads": {}})
    assert error.startswith(f"locator: {reason}")


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"self": {}},
        {"path_config_source": {"path": "/etc/clusters"}},
        {"api_config_source": {"api_type": "GRPC"}},
        {"api_config_source": {"api_type": "REST"}},
    ],
)
def test_a_source_that_brings_no_collections(source):
    (error,) = check(CLUSTERS, source)
    assert error.startswith("source: no collection can come from here: ads, DELTA_GRPC")
