import pytest

from lateen.control.documents import read_documents
from lateen.control.resources.destination_rule import DestinationRule
from lateen.control.resources.kinds import KINDS
from lateen.control.resources.meta import Key
from lateen.control.resources.reading import manifests, read_resource

RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: reviews
  labels: {team: a}
spec:
  host: reviews
  trafficPolicy:
    outlierDetection:
      consecutive5xxErrors: 7
      interval: 1m30s
"""


def read(text):
    (document,) = read_documents("mesh.yaml", text)
    return read_resource(document)


def told(report):
    return [str(problem) for problem in report.found]


def test_a_manifest_becomes_a_resource():
    resource, report = read(RULE)
    assert told(report) == []
    assert resource is not None
    assert resource.key == Key("DestinationRule", "default", "reviews")
    assert str(resource.key) == "DestinationRule default/reviews"
    assert resource.labels == {"team": "a"}
    spec = resource.spec
    assert isinstance(spec, DestinationRule)
    assert spec.traffic_policy.outlier_detection.consecutive_5xx_errors == 7
    assert spec.traffic_policy.outlier_detection.interval == 90.0
    assert resource.position(("spec", "trafficPolicy")) == (8, 3)


def test_the_version_changes_with_what_is_written_not_with_how():
    one, _ = read(RULE)
    same, _ = read(RULE.replace("{team: a}", "\n    team: a  # as before"))
    other, _ = read(RULE.replace("1m30s", "91s"))
    assert one.version == same.version != other.version


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("interval", "intervall"),
            "mesh.yaml:11:7: error: spec.trafficPolicy.outlierDetection.intervall: "
            "unknown field 'intervall' (did you mean 'interval'?)",
        ),
        (
            ("1m30s", "soon"),
            "mesh.yaml:11:7: error: spec.trafficPolicy.outlierDetection.interval: "
            "'soon' is no duration such as 1h30m, 5s or 250ms",
        ),
        (
            ("1m30s", "2600000h"),
            "mesh.yaml:11:7: error: spec.trafficPolicy.outlierDetection.interval: "
            "'2600000h' is too long: 292 years at most",
        ),
        (
            ("7", "'7'"),
            "mesh.yaml:10:7: error: spec.trafficPolicy.outlierDetection.consecutive5xxErrors: "
            "expected `int | null`, got `str`",
        ),
        (
            ("io/v1", "io/v9"),
            "mesh.yaml:1:1: error: apiVersion: DestinationRule has no version "
            "'networking.istio.io/v9' (it has networking.istio.io/v1, "
            "networking.istio.io/v1beta1, networking.istio.io/v1alpha3)",
        ),
        (
            ("DestinationRule", "DestinationRul"),
            "mesh.yaml:2:1: warning: kind: DestinationRul of networking.istio.io is not read "
            "(did you mean 'DestinationRule'?)",
        ),
        (
            ("  name: reviews\n", ""),
            "mesh.yaml:3:1: error: metadata.name: the resource has no name",
        ),
        (
            ("{team: a}", "{team: a, size: 1}"),
            "mesh.yaml:5:21: error: metadata.labels.size: expected `str`, got `int`",
        ),
        (("kind: Dest", "knd: Dest"), "mesh.yaml:1:1: error: the manifest has no kind"),
        (
            ("{team: a}", "[{team: a}]"),
            "mesh.yaml:5:3: error: metadata.labels: expected `object`, got `array`",
        ),
        (
            ("host: reviews", "host: reviews\n  subsets: {name: v1}"),
            "mesh.yaml:8:3: error: spec.subsets: expected `array`, got `object`",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_refuses(change, expected):
    resource, report = read(RULE.replace(*change))
    assert told(report) == [expected]
    assert resource is None


def test_all_unknown_fields_are_told():
    _, report = read(RULE.replace("host:", "hots:").replace("interval:", "x:"))
    assert [problem.line for problem in report.found] == [7, 11]


def test_null_is_not_set():
    resource, report = read(RULE.replace("1m30s", ""))
    assert told(report) == []
    assert resource.spec.traffic_policy.outlier_detection.interval is None


def test_an_entry_of_null_is_no_message():
    text = RULE.replace("DestinationRule", "VirtualService").partition("spec:")[0]
    resource, report = read(f"{text}spec: {{http: [{{match: [{{headers: {{x: null}}}}]}}]}}\n")
    assert resource is None
    assert told(report) == [
        "mesh.yaml:6:35: error: spec.http[0].match[0].headers.x: 'x' is null "
        "(say what it is, or remove it)"
    ]


def test_kinds_of_others_are_left_alone():
    resource, report = read("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n")
    assert (resource, told(report)) == (None, [])


def test_fields_of_kubernetes_that_do_not_matter_are_left_alone():
    resource, report = read(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a, uid: x}\n"
        "spec: {ports: [{port: 80, targetPort: web}], sessionAffinity: None}\n"
    )
    assert told(report) == []
    assert resource.spec.ports[0].target_port == "web"


def test_the_items_of_a_list_are_manifests_with_their_own_places():
    (document,) = read_documents(
        "a.yaml", f"kind: List\nitems:\n- {RULE.replace(chr(10), chr(10) + '  ')}"
    )
    (item,) = manifests(document)
    resource, report = read_resource(item)
    assert told(report) == []
    assert resource.position(("spec", "host")) == (9, 5)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_reads_a_manifest_that_says_nothing_or_tells_what_is_missing(kind):
    text = f"apiVersion: {kind.api_versions[0]}\nkind: {kind.name}\nmetadata: {{name: a}}\n"
    resource, report = read(text)
    assert (resource is None) == report.refuses
    says_nothing = ("missing required field", "there is no route", "has no", "says nothing")
    assert all(any(one in problem.message for one in says_nothing) for problem in report.found)
