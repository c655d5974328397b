"""Import rules of the design that import-linter cannot see: the extension module, and I/O.

(The layers are contracts in pyproject.toml, checked by `make lint`.)
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "lateen"
PURE = ("proxy/compile", "control/translate")
IO_MODULES = {"asyncio", "http", "select", "signal", "socket", "ssl", "subprocess", "threading"}


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, with the names it takes from it, absolute."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(PACKAGE.parent).parts[: -node.level]
                base = ".".join([*package, base]).rstrip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def test_only_workers_imports_the_extension() -> None:
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(f"{name}.".startswith("lateen._core.") for name in imported(path))
    }
    assert importers <= {"proxy/workers.py"}, (
        f"{importers - {'proxy/workers.py'}}: go through lateen.proxy.workers, "
        "the one place that knows the extension"
    )


@pytest.mark.parametrize("folder", PURE)
def test_compilers_do_no_io(folder: str) -> None:
    found = {
        f"{path.relative_to(PACKAGE).as_posix()}: {name}"
        for path in (PACKAGE / folder).rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] in IO_MODULES
    }
    assert not found, "a compiler sees only its declared inputs: do the I/O in its caller"


def test_the_rules_see_every_form_of_import(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("import lateen._core\nfrom lateen import _core\nfrom socket import AF_INET\n")
    assert set(imported(source)) == {"lateen._core", "socket.AF_INET"}
