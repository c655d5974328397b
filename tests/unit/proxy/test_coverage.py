"""docs/envoy-coverage.md is what the code says."""

from pathlib import Path

from lateen.proxy.compile.supported import support_table
from lateen.proxy.coverage import page

PAGE = Path(__file__).parents[3] / "docs/envoy-coverage.md"


def test_the_page_is_current():
    assert PAGE.read_text() == page(), (
        "run python -m lateen.proxy.coverage > docs/envoy-coverage.md"
    )


def test_the_table_names_only_what_the_api_has():
    assert support_table().problems() == []


def test_the_page_tells_what_is_and_what_is_not_implemented():
    lines = page().splitlines()
    at = lines.index("### envoy.filters.http")
    done, missing = lines[at + 2], lines[at + 3]
    assert "`envoy.extensions.filters.http.router.v3.Router`" in done
    assert "`envoy.extensions.filters.http.wasm.v3.Wasm`" in missing
    assert any(line.startswith("- **WasmService** is not implemented: ") for line in lines)
