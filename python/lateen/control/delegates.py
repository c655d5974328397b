"""Virtual services whose routes others decide: each such route becomes those of its delegate.

Source: Istio, "Virtual Service", Delegate; pilot/pkg/model/virtualservice.go MergeHTTPRoutes,
virtualservice_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from lateen.config.diagnostics import Diagnostic
from lateen.control.documents import Path
from lateen.control.export import exported
from lateen.control.model.hosts import full_name, gateway_name
from lateen.control.resources.meta import Resource
from lateen.control.resources.report import Report
from lateen.control.resources.traffic import Destination, StringMatch
from lateen.control.resources.virtual_service import (
    Delegate,
    HttpMatch,
    HttpRoute,
    VirtualService,
)

Rule = Resource[VirtualService]

_INHERITED = (
    "rewrite",
    "direct_response",
    "timeout",
    "retries",
    "fault",
    "mirror",
    "mirrors",
    "mirror_percent",
    "mirror_percentage",
    "cors_policy",
    "headers",
)
_ONE_TEXT = ("uri", "scheme", "method", "authority")
_TEXTS = ("headers", "without_headers", "query_params")
_NO_ROUTE = HttpRoute()


@dataclass
class Delegates:
    """Puts virtual services together.

    Attributes:
        rules: all of the mesh.
        domain: of the cluster.
        export_to: of those that do not say it.
        problems: delegates that cannot decide, found so far.
    """

    rules: Sequence[Rule]
    domain: str
    export_to: Sequence[str]
    problems: list[Diagnostic] = field(default_factory=list)

    def merged(self) -> list[Rule]:
        """The virtual services that have hosts, with the routes of their delegates."""
        found = []
        for rule in self.rules:
            if any(http.delegate is not None for http in rule.spec.http):
                http = tuple(self._routes(rule))
                rule = replace(rule, spec=msgspec.structs.replace(rule.spec, http=http))
            if rule.spec.hosts:
                found.append(rule)
        return found

    def _routes(self, rule: Rule) -> Iterator[HttpRoute]:
        for index, http in enumerate(rule.spec.http):
            if http.delegate is None:
                yield http
                continue
            report = Report(rule.source)
            at: Path = ("spec", "http", index, "delegate")
            yield from self._of_delegate(rule, http, http.delegate, at, report)
            self.problems += report.found

    def _of_delegate(
        self, rule: Rule, http: HttpRoute, named: Delegate, at: Path, report: Report
    ) -> Iterator[HttpRoute]:
        namespace = named.namespace or rule.namespace
        delegate = self._find(namespace, named.name)
        if delegate is None:
            message = f"there is no VirtualService {namespace}/{named.name} without hosts"
            report.error(at, message, "the route is left out")
            return
        if not exported(delegate.spec.export_to or self.export_to, namespace, rule.namespace):
            message = f"{delegate.key} is not exported to {rule.namespace}"
            report.error(at, message, "the route is left out: set exportTo there")
            return
        root = _resolved(http, rule, self.domain)
        for number, route in enumerate(delegate.spec.http):
            made = _merge(root, _resolved(route, delegate, self.domain))
            if made is None:
                message = f"http[{number}] of {delegate.key} matches what this route does not"
                report.error(at, message, "that route is left out: its match must be narrower")
            else:
                yield made

    def _find(self, namespace: str, name: str) -> Rule | None:
        for rule in self.rules:
            if (rule.namespace, rule.name) == (namespace, name) and not rule.spec.hosts:
                return rule
        return None


def _resolved(http: HttpRoute, rule: Rule, domain: str) -> HttpRoute:
    """The route with full names, which are the same wherever it is read."""

    def resolved(destination: Destination) -> Destination:
        host = full_name(destination.host, rule.namespace, domain)
        return msgspec.structs.replace(destination, host=host)

    change = msgspec.structs.replace
    return change(
        http,
        match=tuple(
            change(one, gateways=tuple(gateway_name(g, rule.namespace) for g in one.gateways))
            for one in http.match
        ),
        route=tuple(change(one, destination=resolved(one.destination)) for one in http.route),
        mirror=resolved(http.mirror) if http.mirror is not None else None,
        mirrors=tuple(change(one, destination=resolved(one.destination)) for one in http.mirrors),
    )


def _merge(root: HttpRoute, delegate: HttpRoute) -> HttpRoute | None:
    """The delegate's route, with what the root says where it says nothing; None: they conflict."""
    match = _merge_matches(root.match, delegate.match)
    if match is None:
        return None
    unset = [name for name in _INHERITED if getattr(delegate, name) == getattr(_NO_ROUTE, name)]
    inherited = {name: getattr(root, name) for name in unset}
    name = _joined(root.name, delegate.name)
    return msgspec.structs.replace(delegate, name=name, match=match, **inherited)


def _merge_matches(
    root: Sequence[HttpMatch], delegate: Sequence[HttpMatch]
) -> tuple[HttpMatch, ...] | None:
    """What both match; None: a match of the delegate is none of the root's."""
    if not root or not delegate:
        return tuple(root or delegate)
    found: list[HttpMatch] = []
    for one in delegate:
        merged = [_merge_match(above, one) for above in root if not _conflict(above, one)]
        if not merged:
            return None
        found += merged
    return tuple(found)


def _merge_match(root: HttpMatch, delegate: HttpMatch) -> HttpMatch:
    return msgspec.structs.replace(
        delegate,
        name=_joined(root.name, delegate.name),
        **{name: getattr(delegate, name) or getattr(root, name) for name in _ONE_TEXT},
        **{name: getattr(root, name) | getattr(delegate, name) for name in _TEXTS},
        source_labels=root.source_labels | delegate.source_labels,
        port=delegate.port or root.port,
        source_namespace=delegate.source_namespace or root.source_namespace,
        gateways=delegate.gateways or root.gateways,
        stat_prefix=delegate.stat_prefix or root.stat_prefix,
    )


def _conflict(root: HttpMatch, leaf: HttpMatch) -> bool:
    """Whether the leaf matches what the root does not."""
    labels = leaf.source_labels.items()
    return (
        any(_differ(getattr(root, name), getattr(leaf, name)) for name in _ONE_TEXT)
        or any(_texts_differ(getattr(root, name), getattr(leaf, name)) for name in _TEXTS)
        or root.ignore_uri_case != leaf.ignore_uri_case
        or bool(root.port and leaf.port and root.port != leaf.port)
        or root.source_namespace not in ("", leaf.source_namespace)
        or any(root.source_labels.get(name, value) != value for name, value in labels)
        or bool(root.gateways and not set(leaf.gateways) <= set(root.gateways))
    )


def _texts_differ(root: dict[str, StringMatch], leaf: dict[str, StringMatch]) -> bool:
    return any(_differ(root.get(name), value) for name, value in leaf.items())


def _differ(root: StringMatch | None, leaf: StringMatch | None) -> bool:
    """Whether a text that the leaf matches may be none of the root's."""
    if root is None or leaf is None:
        return False
    if root.exact:
        return leaf.exact != root.exact
    text = leaf.prefix or leaf.exact
    return not (root.prefix and text and text.startswith(root.prefix))


def _joined(*names: str) -> str:
    return "-".join(filter(None, names))
