"""Makes every generated file of the project, when its inputs have changed.

- python/lateen/protos/envoy.binpb: Envoy's v3 API as a FileDescriptorSet with a symbol index
- python/lateen/protos/*_pb2.py, .pyi: the messages of proto/*.proto
- typings/: stubs of Envoy's messages, for type checkers only
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

import envoy_descriptors

STAMP = "typings/.inputs"

_IMPORT = re.compile(r"^import (\w+_pb2) as", re.M)
_MODULE_CLASSVAR = re.compile(r"^(\w+): _ClassVar\[(.*)\]$", re.M)


class GenerateError(Exception):
    """A file could not be generated; the message says which and why."""


def all_files(root: Path) -> None:
    """Bring the generated files of the checkout at `root` up to date.

    Raises:
        GenerateError: protoc refused a schema.
        envoy_descriptors.MissingInput: the pinned xds-protos package is not installed.
    """
    digest = _digest_of_inputs(root)
    stamp = root / STAMP
    if stamp.exists() and stamp.read_text() == digest and _outputs_exist(root):
        return
    files = envoy_descriptors.collect(root / "proto" / "overlay")
    _write(root / "python/lateen/protos/envoy.binpb", envoy_descriptors.with_index(files))
    _make_worker_messages(root)
    _make_typings(root / "typings", files)
    stamp.write_text(digest)


def _digest_of_inputs(root: Path) -> str:
    digest = hashlib.sha256(envoy_descriptors.installed_version().encode())
    inputs = [*(root / "build_backend").glob("*.py"), *(root / "proto").rglob("*.*")]
    for path in sorted(inputs):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _outputs_exist(root: Path) -> bool:
    protos = root / "python/lateen/protos"
    names = [f"{path.stem}_pb2{end}" for path in _schemas(root) for end in (".py", ".pyi")]
    return all((protos / name).exists() for name in ["envoy.binpb", *names])


def _schemas(root: Path) -> list[Path]:
    return sorted((root / "proto").glob("*.proto"))


def _make_worker_messages(root: Path) -> None:
    """Compile proto/*.proto; imports between the schemas become imports inside the package."""
    out = root / "python/lateen/protos"
    names = [path.name for path in _schemas(root)]
    with tempfile.TemporaryDirectory() as scratch:
        _protoc([f"-I{root / 'proto'}", f"--python_out={scratch}", f"--pyi_out={scratch}", *names])
        for made in sorted(Path(scratch).iterdir()):
            text = _IMPORT.sub(r"from lateen.protos import \1 as", made.read_text())
            if made.suffix == ".pyi":
                text = _strict(text)
            _write(out / made.name, text.encode())


def _make_typings(out: Path, files: FileDescriptorSet) -> None:
    """Write stubs for every file whose package has none on PyPI already."""
    names = [f.name for f in files.file if not f.name.startswith("google/protobuf/")]
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "typings"
        made.mkdir()
        _write(Path(scratch) / "set.binpb", files.SerializeToString())
        _protoc([f"--descriptor_set_in={scratch}/set.binpb", f"--pyi_out={made}", *names])
        for stub in made.rglob("*.pyi"):
            stub.write_text(_strict(stub.read_text()))
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(made, out)


def _strict(stub: str) -> str:
    """protoc's stub, changed to pass mypy --strict."""
    typed = stub.replace("_Mapping]", "_Mapping[str, _object]]")
    typed = typed.replace("**kwargs)", "**kwargs: _object)")
    typed = _MODULE_CLASSVAR.sub(r"\1: \2", typed)
    return f"from builtins import object as _object\n{typed}"


def _protoc(arguments: list[str]) -> None:
    from grpc_tools import _protoc_compiler, protoc

    well_known = Path(protoc.__file__).parent / "_proto"
    include = (
        [] if any(a.startswith("--descriptor_set_in") for a in arguments) else [f"-I{well_known}"]
    )
    command = ["protoc", *include, *arguments]
    if _protoc_compiler.run_main([part.encode() for part in command]) != 0:
        raise GenerateError(f"protoc refused the schemas ({command[-1]} and others); see above")


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


if __name__ == "__main__":
    sys.exit("run build_backend/lateen_build.py")
