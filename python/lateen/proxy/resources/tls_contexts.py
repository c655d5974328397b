"""TLS contexts whose secrets come by SDS: they are built when all are there, and again with each
new version of one, or of a file that one names.

Source: Envoy docs, "Secret discovery service (SDS)", "Key rotation".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lateen.protos import worker_pb2
from lateen.proxy.certificates import ContextInUse, in_use
from lateen.proxy.compile.transport_sockets.plan import build_context
from lateen.proxy.resources.reading import ResourceError, reason_of, reason_of_rejections

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import DataSource
    from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

    from lateen.proxy.compile.context import CompileContext
    from lateen.proxy.compile.transport_sockets.plan import SecretKey, TlsPlan
    from lateen.proxy.resources.environment import Environment
    from lateen.proxy.resources.secrets import SecretManager
    from lateen.proxy.xds.watcher import DirectoryWatcher


class TlsContexts:
    """Every TLS context that waits for secrets or has some that may change."""

    def __init__(
        self, environment: Environment, secrets: SecretManager, context: CompileContext
    ) -> None:
        self._environment = environment
        self._secrets = secrets
        self._context = context
        self._watcher: DirectoryWatcher | None = None
        self._used: dict[str, UsedContext] = {}

    def acquire(self, plan: TlsPlan, on_settled: Callable[[], None]) -> None:
        """Uses a context; `on_settled` is called, perhaps at once, when it can be used or the wait
        for its secrets ended.

        Raises:
            ResourceError: nothing can come from a source.
        """
        if not plan.secrets:
            on_settled()
            return
        used = self._used.get(plan.name)
        if used is None:
            used = UsedContext(self, self._environment, self._context, plan)
            self._used[plan.name] = used
            used.blocks.append(plan.block)
            used.when_settled(on_settled)
            try:
                used.start(self._secrets)
            except ResourceError:
                del self._used[plan.name]
                used.close(self._secrets)
                raise
            return
        used.blocks.append(plan.block)
        used.when_settled(on_settled)

    def release(self, plan: TlsPlan) -> None:
        """Ends a use; the subscriptions go with the last."""
        used = self._used.get(plan.name)
        if used is None:
            return
        used.blocks.remove(plan.block)
        if not used.blocks:
            del self._used[plan.name]
            used.close(self._secrets)

    def current(self, plan: TlsPlan) -> worker_pb2.TlsContext:
        """The context as it is now, for the update that brings who uses it."""
        used = self._used.get(plan.name)
        return used.current if used is not None else plan.context

    def in_use(self) -> Iterator[ContextInUse]:
        """The contexts as they are now, for each who uses one."""
        for used in self._used.values():
            for block in used.blocks:
                yield in_use(block, used.current)

    def watcher(self) -> DirectoryWatcher:
        """Hears of files; made when the first is watched."""
        if self._watcher is None:
            from lateen.proxy.xds.watcher import DirectoryWatcher

            self._watcher = DirectoryWatcher()
        return self._watcher

    def close(self) -> None:
        """Ends the watching of files."""
        if self._watcher is not None:
            self._watcher.close()


class UsedContext:
    """One context and those who use it.

    Attributes:
        plan: what it is built from.
        blocks: the stats block of each use.
        current: the last good version.
    """

    def __init__(
        self,
        owner: TlsContexts,
        environment: Environment,
        context: CompileContext,
        plan: TlsPlan,
    ) -> None:
        self.plan = plan
        self.blocks: list[int] = []
        self.current = plan.context
        self._owner = owner
        self._environment = environment
        self._context = context
        self._found: dict[SecretKey, Secret] = {}
        self._users: list[tuple[SecretKey, Callable[[Secret], None]]] = []
        self._waiting: list[Callable[[], None]] = []
        self._watches: list[Callable[[], None]] = []
        self._settled = False

    def start(self, secrets: SecretManager) -> None:
        """Subscribes to the secrets."""
        for key, source in self.plan.secrets.items():

            def take(secret: Secret, key: SecretKey = key) -> None:
                self._take(key, secret)

            self._users.append((key, take))
            secrets.acquire(source, key.name, take, self._settle)

    def close(self, secrets: SecretManager) -> None:
        """Ends the subscriptions and the watching of files."""
        for key, take in self._users:
            secrets.release(self.plan.secrets[key], key.name, take)
        self._unwatch()

    def when_settled(self, call: Callable[[], None]) -> None:
        """Calls when the context can be used, or the wait for it ended."""
        if self._settled:
            call()
        else:
            self._waiting.append(call)

    def _settle(self) -> None:
        self._settled = True
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    def _take(self, key: SecretKey, secret: Secret) -> None:
        found = {**self._found, key: secret}
        if len(found) == len(self.plan.secrets):
            self._build(found)
        self._found = found
        if len(found) == len(self.plan.secrets):
            self._watch()
            self._settle()

    def _build(self, found: dict[SecretKey, Secret]) -> None:
        """Builds the context and puts it into use.

        Raises:
            ResourceError: it cannot be used; the old one stays.
        """
        plan = self.plan
        context = self._context.apart()
        built = build_context(context, plan, found)
        errors = [each for each in context.diagnostics if each.severity == "error"]
        if errors:
            raise ResourceError(reason_of(errors))
        for each in context.diagnostics:
            self._environment.log.warning("config", each.message)
        update = worker_pb2.Update(tls_contexts=[built])
        rejections = self._environment.workers.check(update.SerializeToString())
        if reason := reason_of_rejections(rejections):
            raise ResourceError(reason)
        update.tls_contexts[0].count_update_in.extend(self.blocks)
        self._environment.apply(update)
        self.current = built

    def _watch(self) -> None:
        """Watches the directories of the files that the secrets name."""
        self._unwatch()
        for directory in {each for secret in self._found.values() for each in _directories(secret)}:
            try:
                self._watches.append(self._owner.watcher().watch(directory, self._moved))
            except OSError as error:
                reason = f"{directory}: {error.strerror or error}"
                self._environment.log.warning("config", f"certificates are not watched: {reason}")

    def _unwatch(self) -> None:
        for end in self._watches:
            end()
        self._watches.clear()

    def _moved(self, _name: str) -> None:
        try:
            self._build(self._found)
        except ResourceError as error:
            names = ", ".join(key.name for key in self.plan.secrets)
            self._environment.log.warning(
                "secret", f"the files of {names} cannot be used, the old ones stay: {error}"
            )


def _directories(secret: Secret) -> Iterator[str]:
    """Where files of a secret are moved to when they change."""
    certificate, validation = secret.tls_certificate, secret.validation_context
    if secret.HasField("tls_certificate"):
        sources = [
            certificate.certificate_chain,
            certificate.private_key,
            certificate.pkcs12,
            certificate.password,
            certificate.ocsp_staple,
        ]
        if certificate.HasField("watched_directory"):
            yield certificate.watched_directory.path
            return
        yield from _parents(sources)
    if secret.HasField("validation_context"):
        if validation.HasField("watched_directory"):
            yield validation.watched_directory.path
            return
        yield from _parents([validation.trusted_ca, validation.crl])


def _parents(sources: list[DataSource]) -> Iterator[str]:
    for source in sources:
        if source.filename:
            yield os.path.dirname(source.filename) or "."
