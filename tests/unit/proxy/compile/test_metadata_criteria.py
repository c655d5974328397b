import json

from lateen.proxy.compile.metadata_criteria import criteria_json
from tests.support.messages import message


def metadata(**namespaces):
    return message("config.core.v3.Metadata", {"filter_metadata": namespaces})


def test_only_what_load_balancing_reads_counts():
    assert criteria_json(metadata(other={"a": 1})) == ""
    assert json.loads(criteria_json(metadata(**{"envoy.lb": {"b": "x", "a": 1}}))) == {
        "a": 1,
        "b": "x",
    }


def test_own_criteria_come_before_those_inherited():
    inherited = metadata(**{"envoy.lb": {"a": 1, "b": 2}})
    own = metadata(**{"envoy.lb": {"b": 3}})
    assert json.loads(criteria_json(own, inherited)) == {"a": 1, "b": 3}
    assert criteria_json(metadata(), inherited) == ""
