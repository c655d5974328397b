"""Log levels and components, with the names that Envoy gives them."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """How much a message matters; numbered as the workers number them."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARNING = 3
    ERROR = 4
    CRITICAL = 5
    OFF = 6

    @property
    def label(self) -> str:
        """The level's name in flags, logs and /logging."""
        return self.name.lower()


# Envoy's loggers, in the order in which /logging lists them.
COMPONENTS: tuple[str, ...] = (
    "a2a",
    "admin",
    "ai_protocol_manager",
    "alternate_protocols_cache",
    "aws",
    "assert",
    "backtrace",
    "basic_auth",
    "cache_filter",
    "client",
    "config",
    "connection",
    "conn_handler",
    "compression",
    "credential_injector",
    "decompression",
    "dns",
    "dubbo",
    "envoy_bug",
    "ext_authz",
    "ext_proc",
    "rocketmq",
    "file",
    "filter",
    "forward_proxy",
    "geolocation",
    "grpc",
    "happy_eyeballs",
    "hc",
    "health_checker",
    "http",
    "http2",
    "hystrix",
    "init",
    "io",
    "jwt",
    "json_rpc",
    "kafka",
    "key_value_store",
    "lua",
    "local_rate_limit",
    "main",
    "matcher",
    "mcp",
    "misc",
    "mongo",
    "multi_connection",
    "notification",
    "oauth2",
    "quic",
    "quic_stream",
    "pool",
    "rate_limit_quota",
    "rbac",
    "rds",
    "redis",
    "router",
    "runtime",
    "stats",
    "secret",
    "sse",
    "tap",
    "testing",
    "thrift",
    "tracing",
    "upstream",
    "udp",
    "wasm",
    "websocket",
    "golang",
    "stats_sinks",
    "dynamic_modules",
    "ip_tagging",
)


class LevelError(Exception):
    """No such level or component; the message names it."""


def parse_level(text: str) -> Level:
    """The level called `text`; `warn` is a second name of `warning`.

    Raises:
        LevelError: there is none.
    """
    name = "warning" if text == "warn" else text
    for level in Level:
        if level.label == name:
            return level
    raise LevelError(f"invalid log level specified '{text}'")


def parse_component_levels(text: str) -> dict[str, Level]:
    """The levels of `--component-log-level`: `upstream:debug,config:trace`.

    Raises:
        LevelError: an entry is not a component and a level.
    """
    levels: dict[str, Level] = {}
    for entry in text.split(",") if text else ():
        name, colon, level = entry.partition(":")
        if not colon or ":" in level:
            raise LevelError(f"component log level not correctly specified '{entry}'")
        parsed = parse_level(level)
        if name not in COMPONENTS:
            raise LevelError(f"invalid component specified '{name}'")
        levels[name] = parsed
    return levels
