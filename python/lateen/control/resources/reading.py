"""Manifests to resources: the kind, its fields and types, then what the kind checks itself."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from lateen.config.diagnostics import nearest
from lateen.config.syntax import Tree
from lateen.control.documents import Document, Path
from lateen.control.resources.checks.annotations import check_annotations
from lateen.control.resources.convert import convert
from lateen.control.resources.field import Field
from lateen.control.resources.kind import Kind
from lateen.control.resources.kinds import KINDS
from lateen.control.resources.meta import Key, Lenient, Resource
from lateen.control.resources.report import Report

_LONGEST_NAME = 253
_ISTIO = "istio.io"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class Metadata(Lenient, frozen=True):
    """The `metadata` of a manifest."""

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    creation_timestamp: str = ""


def read_resource(
    document: Document, namespace: str = "default"
) -> tuple[Resource[object] | None, Report]:
    """The resource of a manifest, and what is wrong with it.

    Args:
        document: the manifest.
        namespace: of a manifest that says none.

    Returns:
        The resource, or None: an error refuses it, or its kind is none that matters here (a
        warning says so if its group is Istio's).
    """
    resource, report = decode_resource(document, namespace)
    return None if report.refuses else resource, report


def decode_resource(
    document: Document,
    namespace: str = "default",
    kinds: Mapping[tuple[str, str], Kind] = KINDS,
) -> tuple[Resource[object] | None, Report]:
    """The resource of a manifest, though it may be refused, and what is wrong with it.

    Args:
        document: the manifest.
        namespace: of a manifest that says none.
        kinds: those that are read, by group and name.

    Returns:
        The resource, or None: its fields or their types are wrong, or its kind is none that
        matters here.
    """
    report = Report(document)
    tree = document.tree
    if not isinstance(tree, dict):
        report.error((), "a manifest is a mapping with apiVersion, kind and metadata")
        return None, report
    kind = _kind_of(tree, kinds, report)
    if kind is None:
        return None, report
    metadata = convert(tree.get("metadata") or {}, Metadata, ("metadata",), report)
    body = tree.get(kind.field) if kind.field else tree
    at: Path = (kind.field,) if kind.field else ()
    spec = convert({} if body is None else body, kind.spec, at, report)
    if metadata is None or spec is None:
        return None, report
    key = Key(
        kind.name, (metadata.namespace or namespace) if kind.namespaced else "", metadata.name
    )
    _check_name(metadata.name, report)
    made = Resource(
        key=key,
        labels=metadata.labels,
        annotations=metadata.annotations,
        spec=spec,
        created=_seconds(metadata.creation_timestamp, report),
        version=_digest(tree),
        source=document,
    )
    if kind.group.endswith(_ISTIO):
        check_annotations(made, Field(report, ("metadata", "annotations")))
    kind.check(made, Field(report, at))
    return made, report


def manifests(document: Document) -> Iterator[Document]:
    """The manifests of a document: itself, or the items of a `kind: List`."""
    tree = document.tree
    items = tree.get("items") if isinstance(tree, dict) and tree.get("kind") == "List" else None
    if not isinstance(items, list):
        yield document
        return
    for index, item in enumerate(items):
        yield document.part(("items", index), item)


def key_of(manifest: Document, namespace: str = "default") -> Key | None:
    """Which resource a manifest that is refused would be.

    Args:
        manifest: the manifest.
        namespace: of a manifest that says none.
    """
    tree = manifest.tree
    metadata = tree.get("metadata") if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or not isinstance(metadata, dict):
        return None
    kind, name = tree.get("kind"), metadata.get("name")
    owner = metadata.get("namespace") or namespace
    if isinstance(kind, str) and isinstance(name, str) and isinstance(owner, str):
        return Key(kind, owner, name)
    return None


def _kind_of(
    tree: Mapping[str, Tree], kinds: Mapping[tuple[str, str], Kind], report: Report
) -> Kind | None:
    api_version, name = tree.get("apiVersion"), tree.get("kind")
    if not isinstance(api_version, str) or not isinstance(name, str):
        missing = "kind" if isinstance(api_version, str) else "apiVersion"
        report.error((), f"the manifest has no {missing}")
        return None
    group = api_version.rpartition("/")[0]
    kind = kinds.get((group, name))
    if kind is not None and api_version in kind.api_versions:
        return kind
    if kind is not None:
        known = ", ".join(kind.api_versions)
        report.error(("apiVersion",), f"{name} has no version {api_version!r}", f"it has {known}")
    elif group.endswith(_ISTIO):
        known_names = [other for known_group, other in kinds if known_group.endswith(_ISTIO)]
        report.warn(("kind",), f"{name} of {group} is not read", nearest(name, known_names))
    return None


def _check_name(name: str, report: Report) -> None:
    if not name:
        report.error(("metadata", "name"), "the resource has no name")
    elif len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        report.warn(
            ("metadata", "name"),
            f"{name!r} is no name that Kubernetes takes",
            "253 lower-case letters, digits, '-' and '.', with a letter or digit at both ends",
        )


def _seconds(timestamp: str, report: Report) -> float:
    if not timestamp:
        return 0.0
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except ValueError:
        report.warn(
            ("metadata", "creationTimestamp"),
            f"{timestamp!r} is no time",
            "as 2026-01-31T08:00:00Z",
        )
        return 0.0


def _digest(tree: Tree) -> str:
    return hashlib.sha256(msgspec.json.encode(tree)).hexdigest()[:16]
