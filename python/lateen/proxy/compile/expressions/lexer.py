"""The tokens of a CEL expression.

Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax, with the quoted names
of fields that Envoy 1.40 reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

_LONGEST = 100_000
_PATTERN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f]+|//[^\n]*)
  | (?P<text>(?P<prefix>[bB]?[rR]?)
        (?P<quoted>'{3}.*?(?<!\\)(?:\\\\)*'{3}|"{3}.*?(?<!\\)(?:\\\\)*"{3}
        |'(?:[^'\\\n\r]|\\[^\n\r])*'|"(?:[^"\\\n\r]|\\[^\n\r])*"))
  | (?P<double>[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
  | (?P<uint>(?:0x[0-9a-fA-F]+|[0-9]+)[uU])
  | (?P<int>0x[0-9a-fA-F]+|[0-9]+)
  | (?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
  | `(?P<field>[a-zA-Z0-9_.\-/ ]+)`
  | (?P<sign>==|!=|<=|>=|&&|\|\||[<>+\-*/%!?:.,(){}\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|)"
)
_SHORT = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_SURROGATES = range(0xD800, 0xE000)
_UNICODE_END = 0x110000


class ExpressionError(Exception):
    """An expression that cannot be taken; the message begins with its place, `LINE:COLUMN: `."""


@dataclass(frozen=True)
class Token:
    """A part of an expression.

    Attributes:
        kind: text, bytes, double, uint, int, name, field, sign or end.
        text: the name, the field, the sign, or a number as it is written.
        value: what a text or bytes stand for.
        at: where it begins.
    """

    kind: str
    text: str
    at: int
    value: str | bytes = ""


def fail(source: str, at: int, reason: str) -> NoReturn:
    """Raise ExpressionError for what stands at `at`."""
    line = source.count("\n", 0, at) + 1
    column = at - (source.rfind("\n", 0, at) + 1) + 1
    raise ExpressionError(f"{line}:{column}: {reason}")


def tokens(source: str) -> Iterator[Token]:
    """Every token, and one of the kind `end`.

    Raises:
        ExpressionError: something is no token, or the expression is too long.
    """
    if len(source) > _LONGEST:
        fail(source, 0, f"an expression has at most {_LONGEST} characters")
    at = 0
    while at < len(source):
        match = _PATTERN.match(source, at)
        if match is None:
            fail(source, at, f"no token begins with {source[at]!r}")
        kind = match.lastgroup or ""
        if match["quoted"] is not None:
            yield _quoted(source, at, match["prefix"].lower(), match["quoted"])
        elif kind != "space":
            yield Token(kind, match[kind], at)
        at = match.end()
    yield Token("end", "", at)


def _quoted(source: str, at: int, prefix: str, quoted: str) -> Token:
    width = 3 if quoted[:3] in ("'''", '"""') else 1
    body = quoted[width:-width]
    raw = "r" in prefix
    if "b" in prefix:
        value = body.encode() if raw else _unescaped_bytes(source, at, body)
        return Token("bytes", quoted, at, value)
    if raw:
        return Token("text", quoted, at, body)
    return Token("text", quoted, at, _unescaped(source, at, body))


def _unescaped(source: str, at: int, body: str) -> str:
    def char(match: re.Match[str]) -> str:
        short, code, octal = match[1], match[2] or match[3] or match[4], match[5]
        if short:
            return _SHORT.get(short, short)
        if not (code or octal):
            fail(source, at, f"a broken escape: {body[match.start() : match.start() + 2]}")
        number = int(code, 16) if code else int(octal, 8)
        if number in _SURROGATES or number >= _UNICODE_END:
            fail(source, at, f"{match[0]} is no character")
        return chr(number)

    return _ESCAPE.sub(char, body)


def _unescaped_bytes(source: str, at: int, body: str) -> bytes:
    """Escapes stand for bytes, other characters for their UTF-8."""
    out = bytearray()
    position = 0
    for match in _ESCAPE.finditer(body):
        if match[3] or match[4]:
            fail(source, at, f"{match[0]} stands for no byte")
        out += body[position : match.start()].encode()
        out += _unescaped(source, at, match[0]).encode("latin-1")
        position = match.end()
    return bytes(out + body[position:].encode())
