import pytest

from lateen.control.model.locality import levels_of, lies_in, of_label, of_levels, placed

REGION, ZONE, SUBZONE = (
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.istio.io/subzone",
)


def test_labels_tell_a_place_level_by_level_or_in_one():
    assert of_levels({REGION: "r", ZONE: "z", SUBZONE: "s"}) == "r/z/s"
    assert of_levels({REGION: "r"}) == "r"
    assert of_levels({REGION: "r"}, zone="z") == "r/z"
    assert of_levels({}) == ""
    assert of_label({"istio-locality": "r.z"}) == "r/z"
    assert of_label({"istio-locality": "r.1/z"}) == "r.1/z"
    assert of_label({"topology.istio.io/locality": "a", "istio-locality": "b"}) == "a"


def test_a_place_is_told_by_labels():
    assert placed({"app": "a"}, "r/z") == {"app": "a", REGION: "r", ZONE: "z"}
    labels = {"app": "a", "topology.istio.io/network": "own"}
    assert placed(labels, "", "other") is labels
    assert placed({}, "", "net") == {"topology.istio.io/network": "net"}
    assert levels_of("r/z/s/more") == ("r", "z", "s")


@pytest.mark.parametrize(
    ("place", "pattern", "lies"),
    [
        ("r/z/s", "r", True),
        ("r/z/s", "r/z", True),
        ("r/z/s", "r/*/s", True),
        ("r/z/s", "*", True),
        ("r/z/s", "r/z/t", False),
        ("r/z/s", "q/*", False),
        ("", "*", True),
        ("", "r", False),
        ("r", "r/z", False),
    ],
)
def test_patterns_of_places(place, pattern, lies):
    assert lies_in(place, pattern) is lies
