"""The server's own settings: admin, stats, logs, secrets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lateen.config.check.context import CheckContext
from lateen.config.paths import Place

if TYPE_CHECKING:
    from envoy.config.bootstrap.v3.bootstrap_pb2 import Admin, Bootstrap
    from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog


def bootstrap(message: Bootstrap, place: Place, cx: CheckContext) -> None:
    """Settings that exclude or need each other."""
    if message.stats_flush_on_admin and message.HasField("stats_flush_interval"):
        text = "stats_flush_on_admin and stats_flush_interval exclude each other"
        cx.error((place, "stats_flush_on_admin"), text, "keep one of them")
    if message.HasField("watchdog") and message.HasField("watchdogs"):
        cx.error((place, "watchdog"), "watchdog and watchdogs exclude each other", "keep watchdogs")
    local = message.cluster_manager.local_cluster_name
    if local and all(each.name != local for each in message.static_resources.clusters):
        where: Place = ((place, "cluster_manager"), "local_cluster_name")
        cx.error(where, f"there is no cluster {local!r}")
    log_path = message.cluster_manager.outlier_detection.event_log_path
    where = ((place, "cluster_manager"), "outlier_detection")
    _writable(log_path, (where, "event_log_path"), cx)
    _check_secrets(message, place, cx)
    template = message.application_log_config.log_format.json_format
    for key, value in template.fields.items():
        if "%v" in value.string_value:
            where = ((place, "application_log_config"), "log_format")
            text = "%v is unavailable in a JSON log"
            cx.error(((where, "json_format"), key), text, "use %j, the message escaped for JSON")


def _check_secrets(message: Bootstrap, place: Place, cx: CheckContext) -> None:
    seen: set[tuple[str, str]] = set()
    for index, secret in enumerate(message.static_resources.secrets):
        where: Place = (((place, "static_resources"), "secrets"), index)
        kind = secret.WhichOneof("type")
        if kind is None:
            cx.error(where, "a secret needs a type", "such as tls_certificate or generic_secret")
        elif (kind, secret.name) in seen:
            cx.error((where, "name"), f"another {kind} is called {secret.name!r} too")
        seen.add((kind or "", secret.name))


def admin(message: Admin, place: Place, cx: CheckContext) -> None:
    """The admin's access log can be written."""
    _writable(message.access_log_path, (place, "access_log_path"), cx)


def file_access_log(message: FileAccessLog, place: Place, cx: CheckContext) -> None:
    """An access log can be written."""
    _writable(message.path, (place, "path"), cx)


def _writable(path: str, place: Place, cx: CheckContext) -> None:
    if not path:
        return
    if os.path.isdir(path):
        cx.error(place, f"cannot write {path}: it is a directory")
    elif not os.path.exists(path) and not os.path.isdir(os.path.dirname(path) or "."):
        cx.error(place, f"cannot write {path}: its directory does not exist")
    elif not os.access(path if os.path.exists(path) else os.path.dirname(path) or ".", os.W_OK):
        cx.error(place, f"cannot write {path}: no permission")
