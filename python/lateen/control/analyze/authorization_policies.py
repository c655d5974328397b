"""Authorization policies about workloads and namespaces that are not there.

Source: Istio pkg/config/analysis/analyzers/authz/authorizationpolicies.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lateen.control.analyze.message import Message, about
from lateen.control.analyze.messages import NO_WORKLOADS, NOT_FOUND
from lateen.control.analyze.selecting import pod_in_mesh, pod_is_ambient, spelled
from lateen.control.analyze.snapshot import Snapshot
from lateen.control.documents import Path
from lateen.control.resources.authorization_policy import AuthorizationPolicy
from lateen.control.resources.kubernetes.plain import Namespace
from lateen.control.resources.kubernetes.pod import Pod
from lateen.control.resources.meta import Resource
from lateen.control.resources.selectors import selects


def authorization_policies(resources: Snapshot) -> Iterator[Message]:
    """Looks at selectors and at namespaces of sources."""
    pods = [one for one in resources.of(Pod) if pod_in_mesh(resources, one) or pod_is_ambient(one)]
    namespaces = [one.name for one in resources.of(Namespace)]
    for policy in resources.of(AuthorizationPolicy):
        yield from _about_workloads(resources, policy, pods)
        for path, namespace in _namespaces(policy.spec):
            if not any(_is_meant(namespace, one) for one in namespaces):
                text = f"There is no namespace {namespace!r}"
                yield about(NOT_FOUND, policy, text, path)


def _about_workloads(
    resources: Snapshot, policy: Resource[AuthorizationPolicy], pods: Sequence[Resource[Pod]]
) -> Iterator[Message]:
    everywhere = policy.namespace == resources.settings.root_namespace
    selector = policy.spec.selector
    if everywhere and selector is None:
        return
    wanted = selector.match_labels if selector is not None else {}
    candidates = (one for one in pods if everywhere or one.namespace == policy.namespace)
    if not any(selects(wanted, one.labels) for one in candidates):
        labels = f" with {spelled(wanted)}" if wanted else ""
        text = f"No pod of the mesh{labels} is there for the policy to be about"
        yield about(NO_WORKLOADS, policy, text, ("spec", "selector") if selector else ())


def _namespaces(policy: AuthorizationPolicy) -> Iterator[tuple[Path, str]]:
    for index, rule in enumerate(policy.rules):
        for number, one in enumerate(rule.from_):
            if one.source is None:
                continue
            at = ("spec", "rules", index, "from", number, "source")
            for step, name in enumerate(one.source.namespaces):
                yield (*at, "namespaces", step), name
            for step, name in enumerate(one.source.not_namespaces):
                yield (*at, "notNamespaces", step), name


def _is_meant(pattern: str, namespace: str) -> bool:
    if pattern.startswith("*"):
        return namespace.endswith(pattern[1:])
    if pattern.endswith("*"):
        return namespace.startswith(pattern[:-1])
    return namespace.lower() == pattern.lower()
