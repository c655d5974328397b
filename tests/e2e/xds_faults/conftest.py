"""The scene of the fault tests, for each variant of the protocol."""

from __future__ import annotations

import pytest

from tests.e2e.xds_faults.scene import Scene


@pytest.fixture(params=["sotw", "delta"])
def scene(request, command, stack):
    return Scene(command, delta=request.param == "delta", stack=stack)
