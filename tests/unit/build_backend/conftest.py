"""The build backend is no package: its modules are found as the build front end finds them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "build_backend"))
