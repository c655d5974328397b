"""What holds for the whole mesh, from the ConfigMap `istio` of the root namespace.

Source: Istio, "Global Mesh Options": the ConfigMap's `mesh` is a MeshConfig in YAML.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lateen.config.syntax import ConfigSyntaxError
from lateen.control.documents import read_documents
from lateen.control.mesh_config import MeshConfig
from lateen.control.resources.checks.mesh_config import check_mesh_config
from lateen.control.resources.convert import convert
from lateen.control.resources.field import Field
from lateen.control.resources.kubernetes.plain import ConfigMap
from lateen.control.resources.meta import Key, Resource
from lateen.control.resources.report import Report

NAME, NAMESPACE, FIELD = "istio", "istio-system", "mesh"


def check(resource: Resource[ConfigMap], at: Field) -> None:
    """Note what is wrong with the mesh's configuration, if this is it."""
    if _is_mesh(resource.key) and FIELD in resource.spec.data:
        _read(resource.spec.data[FIELD], at.report)


def mesh_config(resources: Iterable[Resource[object]]) -> MeshConfig:
    """The configuration that resources tell; Istio's defaults when none does."""
    for resource in resources:
        spec = resource.spec
        if isinstance(spec, ConfigMap) and _is_mesh(resource.key) and FIELD in spec.data:
            return _read(spec.data[FIELD], Report(resource.source)) or MeshConfig()
    return MeshConfig()


def _is_mesh(key: Key) -> bool:
    return key.name == NAME and key.namespace == NAMESPACE


def _read(text: str, report: Report) -> MeshConfig | None:
    """The configuration; None: it is wrong, as the report tells by the line in the file."""
    above = report.source.position(("data", FIELD))[0]
    try:
        documents = read_documents(report.source.file, text)
    except ConfigSyntaxError as error:
        where = f" (line {error.line} of it)" if error.line else ""
        report.error(("data", FIELD), f"{error.message}{where}")
        return None
    if not documents:
        return MeshConfig()
    inner = Report(documents[0])
    made = convert(documents[0].tree, MeshConfig, (), inner)
    if made is not None:
        check_mesh_config(Field(inner, ()), made)
    # A block scalar begins on the line below its key.
    report.found += [
        replace(one, line=above + one.line, path=f"data.{FIELD}.{one.path}".rstrip("."))
        for one in inner.found
    ]
    if made is not None:
        _check_providers(made, report)
    return made


def _check_providers(config: MeshConfig, report: Report) -> None:
    names = [one.name.lower() for one in config.extension_providers]
    for provider in config.extension_providers:
        if names.count(provider.name.lower()) > 1:
            report.error(("data", FIELD), f"two extensionProviders are called {provider.name!r}")
        elif not provider.is_known:
            report.warn(
                ("data", FIELD),
                f"the extension provider {provider.name!r} is of a kind that is not read",
                "known are envoyFileAccessLog, envoyHttpAls, envoyTcpAls, envoyOtelAls, zipkin, "
                "opentelemetry, prometheus, envoyExtAuthzHttp, envoyExtAuthzGrpc",
            )
