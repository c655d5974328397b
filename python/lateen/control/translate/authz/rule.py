"""One rule of a policy as a policy of role based access control.

A rule says who (`from`), what (`to`) and under which conditions (`when`). Envoy knows principals
and permissions: each condition goes to the side that it is about, behind what `from` and `to` say.

What cannot be judged, because it is malformed or about requests where there is only a connection,
makes a rule that allows void, and is left out of one that denies or audits: never is more allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

from lateen.control.resources.authorization_policy import Condition, Operation, Rule, Source
from lateen.control.translate import api
from lateen.control.translate.authz import permissions, principals
from lateen.control.translate.authz.matching import NotExpressible
from lateen.control.translate.authz.trust import TrustDomains

if TYPE_CHECKING:
    from envoy.config.rbac.v3.rbac_pb2 import Permission, Policy, Principal

Term = TypeVar("Term")
Given = TypeVar("Given")
Values = Sequence[str]
Build = Callable[[Values], Term]


class UnknownAttribute(Exception):
    """A condition is about something that does not exist."""


def _refuse(values: Values) -> NoReturn:
    raise NotExpressible("a connection has no requests")


@dataclass(frozen=True)
class Clause(Generic[Term]):
    """One attribute: one of `values` must hold, and none of `not_values`.

    Attributes:
        build: makes one term of values.
    """

    values: Values
    not_values: Values
    build: Build[Term]


@dataclass(frozen=True)
class Translation:
    """How the rules of a policy are translated.

    Attributes:
        namespace: of the policy.
        trust_domains: of the mesh.
        for_tcp: whether connections are judged, not requests.
        allows: whether the rules allow; others deny or audit.
    """

    namespace: str
    trust_domains: TrustDomains
    for_tcp: bool
    allows: bool

    def policy(self, rule: Rule) -> Policy:
        """The rule's policy.

        Raises:
            NotExpressible: the rule is void.
            UnknownAttribute: so it is, whatever its action.
        """
        who: list[Clause[Principal]] = []
        what: list[Clause[Permission]] = []
        for condition in rule.when:
            self._sort(condition, who, what)
        sources = [one.source or Source() for one in rule.from_] or [Source()]
        operations = [one.operation or Operation() for one in rule.to] or [Operation()]
        return api.Policy(
            permissions=[
                permissions.all_of(self._terms([*self._called(one), *what], permissions.none_of))
                for one in operations
            ],
            principals=[
                principals.all_of(self._terms([*self._caller(one), *who], principals.none_of))
                for one in sources
            ],
        )

    def _caller(self, source: Source) -> list[Clause[Principal]]:
        trust = self.trust_domains
        return [
            Clause(
                trust.principals(source.principals),
                trust.principals(source.not_principals),
                self._who("source.principal"),
            ),
            Clause(
                source.request_principals,
                source.not_request_principals,
                self._who("request.auth.principal"),
            ),
            Clause(
                source.service_accounts,
                source.not_service_accounts,
                self._who("source.serviceAccount"),
            ),
            Clause(
                trust.expanded(source.trust_domains),
                trust.expanded(source.not_trust_domains),
                self._who("source.trustDomain"),
            ),
            Clause(source.namespaces, source.not_namespaces, self._who("source.namespace")),
            Clause(source.remote_ip_blocks, source.not_remote_ip_blocks, self._who("remote.ip")),
            Clause(source.ip_blocks, source.not_ip_blocks, self._who("source.ip")),
        ]

    def _called(self, operation: Operation) -> list[Clause[Permission]]:
        host, method, path = (
            self._of_request(self._each(permissions.any_of, build))
            for build in (permissions.host, permissions.method, permissions.path)
        )
        return [
            Clause(operation.hosts, operation.not_hosts, host),
            Clause(operation.methods, operation.not_methods, method),
            Clause(operation.paths, operation.not_paths, path),
            Clause(operation.ports, operation.not_ports, self._what("destination.port")),
        ]

    def _sort(
        self,
        condition: Condition,
        who: list[Clause[Principal]],
        what: list[Clause[Permission]],
    ) -> None:
        """Add a condition to the side that it is about."""
        key, values, not_values = condition.key, condition.values, condition.not_values
        if key == "source.principal":
            values, not_values = (
                tuple(self.trust_domains.principals(each)) for each in (values, not_values)
            )
        elif key == "source.trustDomain":
            values, not_values = (
                tuple(self.trust_domains.expanded(each)) for each in (values, not_values)
            )
        if key.startswith(("destination.", "connection.", "experimental.envoy.filters.")):
            what.append(Clause(values, not_values, self._what(key)))
        else:
            who.append(Clause(values, not_values, self._who(key)))

    def _what(self, key: str) -> Build[Permission]:
        if key.startswith("experimental.envoy.filters."):
            return partial(permissions.dynamic_metadata, key)
        of_value = {
            "destination.ip": permissions.address,
            "destination.port": permissions.port,
            "connection.sni": permissions.server_name,
        }.get(key)
        if of_value is None:
            raise UnknownAttribute(key)
        return self._each(permissions.any_of, of_value)

    def _who(self, key: str) -> Build[Principal]:
        of_request = self._of_request_only(key)
        if of_request is not None:
            return self._of_request(of_request)
        account = partial(principals.service_account, own_namespace=self.namespace)
        of_values: dict[str, Callable[[str], Principal]] = {
            "source.ip": principals.direct_address,
            "remote.ip": principals.remote_address,
            "source.namespace": principals.namespace,
            "source.trustDomain": principals.trust_domain,
            "source.serviceAccount": account,
            "source.principal": principals.principal,
        }
        if key not in of_values:
            raise UnknownAttribute(key)
        return self._each(principals.any_of, of_values[key])

    def _of_request_only(self, key: str) -> Build[Principal] | None:
        """What judges an attribute that only requests have; None for others."""
        if key.startswith("request.headers"):
            return self._each(principals.any_of, partial(principals.request_header, key))
        if key.startswith("request.auth.claims"):
            return partial(principals.claim_of_key, key)
        of_values: dict[str, Build[Principal]] = {
            "request.auth.principal": principals.request_principals,
            "request.auth.audiences": partial(principals.token_claim, ("aud",)),
            "request.auth.presenter": partial(principals.token_claim, ("azp",)),
        }
        return of_values.get(key)

    def _of_request(self, build: Build[Term]) -> Build[Term]:
        return _refuse if self.for_tcp else build

    def _each(
        self, any_of: Callable[[Sequence[Term]], Term], of_value: Callable[[str], Term]
    ) -> Build[Term]:
        """A term of all values that can be judged, from what makes one of a value."""

        def build(values: Values) -> Term:
            terms = list(self._judged(of_value, values))
            if not terms:
                raise NotExpressible("no value can be judged")
            return any_of(terms)

        return build

    def _terms(
        self, clauses: Iterable[Clause[Term]], none_of: Callable[[Term], Term]
    ) -> list[Term]:
        found: list[Term] = []
        for clause in clauses:
            found += self._judged(clause.build, [clause.values] if clause.values else [])
            negated = self._judged(clause.build, [clause.not_values] if clause.not_values else [])
            found += map(none_of, negated)
        return found

    def _judged(self, build: Callable[[Given], Term], given: Iterable[Given]) -> Iterable[Term]:
        """What is made of each; what cannot be judged is left out, or makes the rule void."""
        for one in given:
            try:
                yield build(one)
            except NotExpressible:
                if self.allows:
                    raise
