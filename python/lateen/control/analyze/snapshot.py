"""The resources that are analyzed together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar, cast

from lateen.config.diagnostics import Diagnostic
from lateen.control.analyze.kinds import ANALYZED
from lateen.control.analyze.mesh_files import MeshNetworks, read_mesh_file
from lateen.control.documents import Document, read_documents
from lateen.control.mesh_config import MeshConfig
from lateen.control.mesh_settings import NAME, NAMESPACE, mesh_config
from lateen.control.resources.kubernetes.plain import ConfigMap
from lateen.control.resources.meta import Key, Resource
from lateen.control.resources.reading import decode_resource, key_of, manifests
from lateen.control.resources.report import Report

Spec = TypeVar("Spec")

ISTIO_NAMESPACE = NAMESPACE
_NETWORKS = "meshNetworks"

# What an installation of Istio has, so that gateways without pods of their own are not told of.
_INGRESS = f"""\
apiVersion: v1
kind: Pod
metadata:
  name: istio-ingressgateway-dummypod
  namespace: {ISTIO_NAMESPACE}
  labels: {{istio: ingressgateway}}
spec: {{containers: [{{name: istio-proxy}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: istio-ingressgateway, namespace: {ISTIO_NAMESPACE}}}
spec:
  selector: {{istio: ingressgateway}}
  ports:
    - {{name: http2, port: 80, targetPort: 80}}
    - {{name: https, port: 443, targetPort: 443}}
    - {{name: tcp, port: 31400, targetPort: 31400}}
    - {{name: tls, port: 15443, targetPort: 15443}}
"""


class Problem(NamedTuple):
    """What is wrong with a resource alone.

    Attributes:
        key: of the resource.
        annotations: of the resource.
        found: what is wrong.
    """

    key: Key
    annotations: Mapping[str, str]
    found: Diagnostic


@dataclass(frozen=True)
class Snapshot:
    """Resources, valid or not, as far as they could be decoded.

    Attributes:
        resources: by the type of their spec.
        problems: what is wrong with each resource alone.
        unnamed: what is wrong with manifests that do not say which resource they are.
        settings: of the mesh.
        networks: of the mesh, and where they are written; None: nowhere.
    """

    resources: Mapping[type[object], list[Resource[object]]]
    problems: tuple[Problem, ...] = ()
    unnamed: tuple[Diagnostic, ...] = ()
    settings: MeshConfig = field(default_factory=MeshConfig)
    networks: tuple[MeshNetworks, Document] | None = None

    def of(self, spec: type[Spec]) -> list[Resource[Spec]]:
        """All resources of one kind."""
        return cast("list[Resource[Spec]]", self.resources.get(spec, []))

    def find(self, spec: type[Spec], namespace: str, name: str) -> Resource[Spec] | None:
        """A resource; `name` may be `namespace/name`."""
        owner, slash, rest = name.partition("/")
        wanted = (owner, rest) if slash else (namespace, name)
        found = (one for one in self.of(spec) if (one.namespace, one.name) == wanted)
        return next(found, None)


@dataclass
class _Builder:
    namespace: str
    resources: dict[type[object], list[Resource[object]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    problems: list[Problem] = field(default_factory=list)
    unnamed: list[Diagnostic] = field(default_factory=list)
    seen: dict[tuple[type[object], Key], Resource[object]] = field(default_factory=dict)

    def add(self, document: Document) -> None:
        resource, report = decode_resource(document, self.namespace, ANALYZED)
        if resource is None and not report.refuses:
            return  # Of a kind that no analyzer looks at.
        key = resource.key if resource else key_of(document, self.namespace)
        annotations = resource.annotations if resource else {}
        if resource is not None:
            first = self.seen.setdefault((type(resource.spec), resource.key), resource)
            if first is resource:
                self.resources[type(resource.spec)].append(resource)
            else:
                where = f"{first.source.file}:{first.position(('metadata', 'name'))[0]}"
                report.error(("metadata", "name"), f"it is already defined in {where}")
        if key is None:
            self.unnamed += report.found
        else:
            self.problems += [Problem(key, annotations, found) for found in report.found]

    def networks_of(self, written: Resource[ConfigMap]) -> tuple[MeshNetworks, Document] | None:
        text = written.spec.data[_NETWORKS]
        try:
            return read_mesh_file(f"ConfigMap {NAME}, {_NETWORKS}", text, MeshNetworks)
        except ValueError as error:
            report = Report(written.source)
            report.error(("data", _NETWORKS), str(error))
            self.problems.append(Problem(written.key, written.annotations, report.found[0]))
            return None


def snapshot(
    documents: Iterable[Document],
    namespace: str = "default",
    settings: MeshConfig | None = None,
    networks: tuple[MeshNetworks, Document] | None = None,
) -> Snapshot:
    """The resources of manifests, beside the ingress gateway that Istio installs.

    Args:
        documents: the manifests, and lists of them.
        namespace: of manifests that say none.
        settings: of the mesh; None: those of the ConfigMap `istio`, if there is one.
        networks: of the mesh, likewise.
    """
    builder = _Builder(namespace)
    for document in (*documents, *read_documents("", _INGRESS)):
        for manifest in manifests(document):
            builder.add(manifest)
    known = Snapshot(builder.resources)
    written = known.find(ConfigMap, ISTIO_NAMESPACE, NAME)
    if networks is None and written is not None and _NETWORKS in written.spec.data:
        networks = builder.networks_of(written)
    return Snapshot(
        dict(builder.resources),
        tuple(builder.problems),
        tuple(builder.unnamed),
        settings or mesh_config(known.of(ConfigMap)),
        networks,
    )
