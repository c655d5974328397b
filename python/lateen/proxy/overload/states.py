"""From pressures to the states of actions.

Source: Envoy docs, "Overload manager", "Triggers".
"""

from __future__ import annotations

import array
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.proxy.compile.overload_plan import Action, Trigger


def trigger_state(trigger: Trigger, pressure: float) -> float:
    """A state, from 0 to 1, of a pressure, which may be more than 1."""
    if pressure >= trigger.full:
        return 1.0
    if pressure <= trigger.start:
        return 0.0
    state = (pressure - trigger.start) / (trigger.full - trigger.start)
    # As many digits as Envoy keeps.
    return array.array("f", [state])[0]


def action_state(action: Action, pressures: Mapping[str, float]) -> float:
    """The highest state of an action's triggers; one whose resource has no pressure yet is at 0."""
    states = [
        trigger_state(trigger, pressures[trigger.resource])
        for trigger in action.triggers
        if trigger.resource in pressures
    ]
    return max(states, default=0.0)
