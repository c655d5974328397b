"""Secrets: those of the bootstrap, and those that arrive by SDS.

They are kept here for what uses certificates; nobody else sees what is in them.

Source: Envoy docs, "Secret discovery service (SDS)".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from lateen.proxy.resources.environment import Refused, timestamp
from lateen.proxy.resources.reading import TYPE_PREFIX, ResourceError, UndecodableError
from lateen.xds.subscription import BadResource, FetchFailure, Outcome

if TYPE_CHECKING:
    from envoy.config.core.v3.config_source_pb2 import ConfigSource
    from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
    from google.protobuf.message import Message

    from lateen.proxy.resources.environment import Environment
    from lateen.xds.subscription import Subscription, Update

SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret"
SECRET_URL = TYPE_PREFIX + SECRET
_REDACTED = "[redacted]"


class SecretManager:
    """Every secret of the proxy."""

    def __init__(self, environment: Environment, static: Iterable[Secret]) -> None:
        self._environment = environment
        self._loaded = timestamp()
        self.static = {secret.name: secret for secret in static}
        self.subscriptions: dict[tuple[bytes, str], SecretSubscription] = {}

    def acquire(
        self,
        source: ConfigSource,
        name: str,
        on_change: Callable[[Secret], None],
        on_given_up: Callable[[], None] = lambda: None,
    ) -> None:
        """Uses a secret of a source.

        Args:
            on_change: hears of each version, the present one at once; raises ResourceError for one
                that cannot be used.
            on_given_up: called when the wait for the first version has ended without one.

        Raises:
            ResourceError: nothing can come from the source.
        """
        key = (source.SerializeToString(deterministic=True), name)
        subscription = self.subscriptions.get(key)
        if subscription is None:
            subscription = SecretSubscription(self._environment, source, name)
            self.subscriptions[key] = subscription
            subscription.users.append(on_change)
            subscription.waiting.append(on_given_up)
            subscription.start()
            return
        subscription.users.append(on_change)
        subscription.waiting.append(on_given_up)
        if subscription.given_up:
            on_given_up()
        if subscription.secret is not None:
            on_change(subscription.secret)

    def release(self, source: ConfigSource, name: str, on_change: Callable[[Secret], None]) -> None:
        """Ends a use; the subscription goes with the last."""
        key = (source.SerializeToString(deterministic=True), name)
        subscription = self.subscriptions.get(key)
        if subscription is None or on_change not in subscription.users:
            return
        subscription.users.remove(on_change)
        if not subscription.users:
            del self.subscriptions[key]
            subscription.close()

    @property
    def loaded_at(self) -> str:
        """When the static secrets were loaded."""
        return self._loaded


class SecretSubscription:
    """One secret; a Subscriber.

    Attributes:
        users: who hears of it.
        waiting: who hears when the wait for the first version has ended.
        given_up: it has.
        secret: the version in use; None before the first.
        version: that the control plane gave it.
        updated: when it came.
        error: what was refused after that.
    """

    def __init__(self, environment: Environment, source: ConfigSource, name: str) -> None:
        self.name = name
        self.users: list[Callable[[Secret], None]] = []
        self.waiting: list[Callable[[], None]] = []
        self.given_up = False
        self.secret: Secret | None = None
        self.version = ""
        self.updated = ""
        self.error: Refused | None = None
        self._environment = environment
        self._source = source
        self._body = b""
        self._subscription: Subscription | None = None

    def start(self) -> None:
        """Subscribes."""
        self._subscription = self._environment.subscribe(
            self._source, SECRET_URL, (self.name,), self, f"sds.{self.name}"
        )

    def close(self) -> None:
        """Ends the subscription."""
        if self._subscription is not None:
            self._subscription.close()

    def take(self, update: Update) -> Outcome:
        """Takes the secret."""
        try:
            self._take(update)
        except (UndecodableError, ResourceError) as error:
            if update.resources:
                self.error = Refused(update.resources[0], str(error), timestamp())
            return Outcome((BadResource(self.name, str(error)),), str(error))
        return Outcome()

    def fail(self, failure: FetchFailure, reason: str) -> None:
        """What uses the secret goes on without, if this is the end of the wait for it."""
        if failure is FetchFailure.CONNECTION or self.secret is not None:
            return
        self.given_up = True
        for call in list(self.waiting):
            call()

    def _take(self, update: Update) -> None:
        if not update.resources:
            raise ResourceError(f"Missing SDS resources for {self.name} in onConfigUpdate()")
        if len(update.resources) > 1:
            raise ResourceError(f"Unexpected SDS secrets length: {len(update.resources)}")
        resource = update.resources[0]
        if resource.body is None or resource.body == self._body:
            return
        reader = self._environment.reader
        message: Secret = reader.parse(resource, SECRET)  # type: ignore[assignment]
        reader.check(message)
        if message.name != self.name:
            raise ResourceError(f"Unexpected SDS secret (expecting {self.name}): {message.name}")
        for user in list(self.users):
            user(message)
        self._body = resource.body
        self.secret, self.version, self.updated = message, resource.version, timestamp()
        self.error = None


def redacted(secret: Secret) -> Secret:
    """A copy without what is to be kept secret."""
    shown = type(secret)()
    shown.CopyFrom(secret)
    certificate = shown.tls_certificate
    for name in ("private_key", "password", "pkcs12"):
        if certificate.HasField(name):
            _hide(getattr(certificate, name))
    for key in shown.session_ticket_keys.keys:
        _hide(key)
    for source in _generic(shown):
        _hide(source)
    return shown


def _generic(secret: Secret) -> Iterator[Message]:
    if secret.HasField("generic_secret"):
        yield secret.generic_secret.secret
        yield from secret.generic_secret.secrets.values()


def _hide(source: Message) -> None:
    """Replaces the content of a DataSource; where it is from may be seen."""
    kind = source.WhichOneof("specifier")
    if kind == "inline_bytes":
        source.inline_bytes = _REDACTED.encode()  # type: ignore[attr-defined]
    elif kind == "inline_string":
        source.inline_string = _REDACTED  # type: ignore[attr-defined]
