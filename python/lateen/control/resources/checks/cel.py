"""The syntax of CEL, in which filters of access logs are written.

Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<raw>[bB]?[rR](?:\"{3}(?s:.)*?\"{3}|'{3}(?s:.)*?'{3}|"[^"\n]*"|'[^'\n]*'))
  | (?P<text>[bB]?(?:\"{3}(?s:\\.|[^\\])*?\"{3}|'{3}(?s:\\.|[^\\])*?'{3}
              |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | (?P<number>0x[0-9a-fA-F]+u?|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?u?)
  | (?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
  | (?P<sign>&&|\|\||[<>=!]=|[-+*/%!<>?:.,()\[\]{}])
    """,
    re.VERBOSE,
)
_DEEPEST = 50
_LEVELS = (("||",), ("&&",), ("<", "<=", ">", ">=", "==", "!=", "in"), ("+", "-"), ("*", "/", "%"))
_RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)


def expression_problem(text: str) -> str:
    """What is wrong with the syntax of an expression; empty: nothing."""
    try:
        _Parser(_tokens(text)).whole()
    except _Mistake as mistake:
        return str(mistake)
    return ""


class _Mistake(Exception):
    """The text is no expression."""


def _tokens(text: str) -> list[tuple[str, str]]:
    found = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise _Mistake(f"{text[at]!r} begins nothing")
        if token.lastgroup != "space":
            found.append((token.lastgroup, token[0]))
        at = token.end()
    return found


class _Parser:
    """Goes through the tokens by the rules of the grammar, from the loosest to the tightest."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("end", "the end")]
        self._at = 0
        self._depth = 0

    def whole(self) -> None:
        self._expression()
        if self._kind != "end":
            raise self._unexpected()

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    def _unexpected(self) -> _Mistake:
        return _Mistake(f"{self._tokens[self._at][1]} is not expected there")

    def _take(self, *signs: str) -> bool:
        kind, text = self._tokens[self._at]
        taken = kind in ("sign", "name") and text in signs
        self._at += taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._unexpected()

    def _expression(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Mistake(f"it is nested more than {_DEEPEST} deep")
        self._level(0)
        if self._take("?"):
            self._level(0)
            self._expect(":")
            self._expression()
        self._depth -= 1

    def _level(self, level: int) -> None:
        if level == len(_LEVELS):
            self._unary()
            return
        self._level(level + 1)
        while self._take(*_LEVELS[level]):
            self._level(level + 1)

    def _unary(self) -> None:
        sign = next((one for one in ("!", "-") if self._take(one)), None)
        while sign is not None and self._take(sign):
            pass
        self._primary()
        while True:
            if self._take("."):
                self._name()
                if self._take("("):
                    self._list(self._expression, ")")
            elif self._take("["):
                self._expression()
                self._expect("]")
            elif self._take("{"):
                self._list(lambda: self._pair(self._name), "}")
            else:
                return

    def _primary(self) -> None:
        if self._take("("):
            self._expression()
            self._expect(")")
        elif self._take("["):
            self._list(self._expression, "]")
        elif self._take("{"):
            self._list(lambda: self._pair(self._expression), "}")
        elif self._kind in ("raw", "text", "number"):
            self._at += 1
        else:
            self._take(".")
            self._name()
            if self._take("("):
                self._list(self._expression, ")")

    def _name(self) -> None:
        kind, text = self._tokens[self._at]
        if kind != "name" or text in _RESERVED or text == "in":
            raise self._unexpected()
        self._at += 1

    def _pair(self, key: Callable[[], None]) -> None:
        key()
        self._expect(":")
        self._expression()

    def _list(self, item: Callable[[], None], end: str) -> None:
        while not self._take(end):
            item()
            if not self._take(","):
                self._expect(end)
                return
