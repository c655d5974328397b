import pytest

from lateen.proxy.compile.overload_plan import Action, Trigger
from lateen.proxy.overload.states import action_state, trigger_state


@pytest.mark.parametrize(
    ("pressure", "state"), [(0.1, 0), (0.5, 0), (0.7, 0.5), (0.9, 1), (1.5, 1)]
)
def test_a_scaled_trigger(pressure, state):
    assert trigger_state(Trigger("m", 0.5, 0.9), pressure) == state


@pytest.mark.parametrize(("pressure", "state"), [(0.89, 0), (0.9, 1), (0.95, 1)])
def test_a_threshold(pressure, state):
    assert trigger_state(Trigger("m", 0.9, 0.9), pressure) == state


def test_the_highest_trigger_counts():
    action = Action("a", [Trigger("m", 0.5, 0.9), Trigger("n", 0, 1), Trigger("o", 0, 0)])
    assert action_state(action, {"m": 0.7, "n": 0.25}) == 0.5
    assert action_state(action, {"n": 0.25}) == 0.25
    assert action_state(action, {}) == 0
