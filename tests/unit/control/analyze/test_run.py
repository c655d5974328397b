import pytest

from lateen.control.analyze.analyzers import ANALYZERS, analyzers_called
from lateen.control.analyze.run import Suppression, analyze
from lateen.control.analyze.snapshot import snapshot
from lateen.control.documents import read_documents
from tests.support.analysis import manifest

TEXT = (
    manifest("Service", "a", "{ports: [{port: 80}]}")
    + manifest("Gateway", "g", "{selector: {gw: a}}")
    + manifest("Telemetry", "t", "{accessLogging: [{}]}", namespace="other")
    + manifest("Namespace", "shop")
)


def codes(*suppressions, namespace=""):
    resources = snapshot(read_documents("mesh.yaml", TEXT))
    parsed = [Suppression.parse(one) for one in suppressions]
    return [one.type.code for one in analyze(resources, ANALYZERS, parsed, namespace)]


def test_the_worst_is_told_first_and_each_message_once():
    assert codes() == ["IST0101", "IST0106", "IST0157", "IST0102", "IST0118"]


def test_messages_of_one_namespace_and_of_kinds_without_one():
    assert codes(namespace="other") == ["IST0157", "IST0102"]


@pytest.mark.parametrize(
    "text", ["IST0118=Service shop/a", "IST0118=Service a.shop", "IST0118=Service *", "IST0118=*"]
)
def test_suppressions(text):
    assert "IST0118" not in codes(text)


@pytest.mark.parametrize(
    "text",
    ["IST0101=Service *", "IST0118=Service b.shop", "IST0118=Service shop", "IST0118=Servic[e] *"],
)
def test_suppressions_of_something_else(text):
    assert "IST0118" in codes(text)


@pytest.mark.parametrize("text", ["IST0118", "=x", "IST0118="])
def test_what_is_no_suppression(text):
    with pytest.raises(ValueError, match="is not CODE=RESOURCE"):
        Suppression.parse(text)


def test_analyzers_have_names_of_their_own_and_istios_types_name_them_too():
    names = [name for one in ANALYZERS for name in (one.name, one.type_name) if name]
    assert len(names) == len(set(names))
    assert [one.name for one in ANALYZERS] == sorted(one.name for one in ANALYZERS)
    (found,) = analyzers_called(["deprecation.FieldAnalyzer"])
    assert found.name == "deprecation.DeprecationAnalyzer"
    with pytest.raises(ValueError, match="there is no analyzer 'x'"):
        analyzers_called(["x"])
