"""Which DestinationRule counts for a caller."""

import pytest

from lateen.control.mesh import Mesh
from lateen.control.mesh_config import MeshConfig
from tests.support.manifests import resources

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: served}
spec: {clusterIP: 10.1.0.1, ports: [{name: http, port: 80}]}
"""
HOST = "a.served.svc.cluster.local"
YEARS = iter(range(1000, 10_000))


def rule(name, namespace, host=HOST, subsets=(), export=None, more=""):
    """A rule that is younger than those before it."""
    year = next(YEARS)
    exported = f", exportTo: [{', '.join(export)}]" if export else ""
    named = ", ".join(f"{{name: {one}, labels: {{by: {name}}}}}" for one in subsets)
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: '{year}-01-01T00:00:00Z'}}
spec: {{host: '{host}', subsets: [{named}]{exported}{more}}}
"""


def found(text, namespace, labels=None, **config):
    mesh = Mesh(MeshConfig(**config), "cluster.local", tuple(resources(SERVICE + text)))
    return mesh.destination_rule(mesh.services[HOST], namespace, labels or {})


def name(*arguments, **config):
    one = found(*arguments, **config)
    return one.name if one is not None else None


def test_the_callers_namespace_then_the_services_then_the_root():
    text = rule("root", "istio-system") + rule("served", "served") + rule("mine", "caller")
    assert name(text, "caller") == "mine"
    assert name(text, "other") == "served"
    assert name(rule("root", "istio-system"), "other") == "root"
    assert name(rule("foreign", "foreign"), "other") is None


def test_the_most_specific_host_counts_in_a_namespace():
    text = rule("wide", "caller", "*.local") + rule(
        "narrow", "caller", "*.served.svc.cluster.local"
    )
    assert name(text, "caller") == "narrow"
    assert name(text + rule("exact", "caller"), "caller") == "exact"


def test_a_short_name_is_one_of_the_rules_own_namespace():
    assert name(rule("short", "served", "a"), "other") == "short"
    assert name(rule("short", "caller", "a"), "caller") is None


@pytest.mark.parametrize(
    ("export", "caller", "seen"),
    [
        (None, "other", True),
        (["'*'"], "other", True),
        (["."], "other", False),
        (["."], "served", True),
        (["other"], "other", True),
        (["other"], "third", False),
        # Even its own namespace does not see what it exports to others alone.
        (["other"], "served", False),
        (["served"], "served", True),
        (["other", "."], "served", True),
    ],
)
def test_exports(export, caller, seen):
    assert (name(rule("r", "served", export=export), caller) == "r") is seen


def test_what_is_private_hides_nothing_from_others():
    text = rule("private", "served", export=["."]) + rule("wide", "served", "*.local")
    assert name(text, "served") == "private"
    assert name(text, "other") == "wide"


def test_the_mesh_says_where_rules_go_that_do_not():
    assert name(rule("r", "served"), "other", default_destination_rule_export_to=(".",)) is None
    assert name(rule("r", "served"), "served", default_destination_rule_export_to=(".",)) == "r"


def test_callers_of_the_root_namespace_see_its_private_rules_first():
    text = rule("public", "istio-system", "*.local") + rule("served", "served")
    assert name(text, "istio-system") == "served"
    private = rule("private", "istio-system", "*.local", export=["."])
    assert name(text + private, "istio-system") == "private"
    assert name(private, "other") is None


def test_a_rule_that_selects_the_callers_goes_first():
    chosen = ", workloadSelector: {matchLabels: {app: x}}"
    text = rule("all", "caller") + rule("chosen", "caller", more=chosen)
    assert name(text, "caller", {"app": "x"}) == "chosen"
    assert name(text, "caller", {"app": "y"}) == "all"
    # It selects callers of its own namespace.
    assert name(rule("chosen", "served", more=chosen), "caller", {"app": "x"}) is None


def test_rules_of_one_host_are_one():
    text = rule("old", "served", subsets=["v1"]) + rule(
        "new", "served", subsets=["v1", "v2"], more=", trafficPolicy: {tls: {mode: DISABLE}}"
    )
    one = found(text, "other")
    assert one.name == "old"
    assert [(subset.name, subset.labels) for subset in one.spec.subsets] == [
        ("v1", {"by": "old"}),
        ("v2", {"by": "new"}),
    ]
    assert one.spec.traffic_policy.tls.mode == "DISABLE"


def test_rules_of_one_host_that_others_see_stay_apart():
    text = rule("public", "served", subsets=["v1"]) + rule(
        "private", "served", subsets=["v2"], export=["."]
    )
    assert [subset.name for subset in found(text, "other").spec.subsets] == ["v1"]
    assert name(text, "served") == "private"
