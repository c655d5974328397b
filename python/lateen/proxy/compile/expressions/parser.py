"""Reading the text of a CEL expression.

Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax; what is refused, as in
Envoy 1.40, which does not evaluate the macros that loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from lateen.protos.worker_pb2 import ExpressionNode
from lateen.proxy.compile.expressions import lexer
from lateen.proxy.compile.expressions.lexer import Token
from lateen.proxy.compile.expressions.program import Program, ProgramError

_DEEPEST = 32
_MAX_INT = 2**63 - 1
_MAX_UINT = 2**64 - 1
_RESERVED = """
as break const continue else for function if import let loop package namespace return var void while
"""
_KEYWORDS = frozenset(("true", "false", "null", "in"))
_RELATIONS = {
    "<": "_<_",
    "<=": "_<=_",
    ">": "_>_",
    ">=": "_>=_",
    "==": "_==_",
    "!=": "_!=_",
    "in": "@in",
}
_SUMS = {"+": "_+_", "-": "_-_"}
_PRODUCTS = {"*": "_*_", "/": "_/_", "%": "_%_"}
# How many arguments the macros have that loop.
_LOOPS = {"all": (2,), "exists": (2,), "exists_one": (2,), "map": (2, 3), "filter": (2,)}


def parse(source: str, program: Program) -> None:
    """Put the nodes of an expression into `program`.

    Raises:
        ExpressionError: it is none, or something in it is not evaluated.
    """
    parser = _Parser(source, program)
    parser.expression()
    parser.end()


class _Parser:
    def __init__(self, source: str, program: Program) -> None:
        self._source = source
        self._program = program
        self._tokens = lexer.tokens(source)
        self._next = next(self._tokens)
        self._depth = 0

    def end(self) -> None:
        if self._next.kind != "end":
            self._fail(f"the end is expected, not {self._next.text!r}")

    def expression(self) -> int:
        """A condition, or two values of which it chooses one."""
        self._depth += 1
        if self._depth > _DEEPEST:
            self._fail(f"an expression is at most {_DEEPEST} levels deep")
        chosen = self._any_of()
        if self._take("?"):
            first = self._any_of()
            self._expect(":")
            parts = [chosen, first, self.expression()]
            chosen = self._built(lambda: self._program.call("_?_:_", parts))
        self._depth -= 1
        return chosen

    def _any_of(self) -> int:
        operands = [self._all_of()]
        while self._take("||"):
            operands.append(self._all_of())
        return self._built(lambda: self._program.joined("_||_", operands))

    def _all_of(self) -> int:
        operands = [self._relation()]
        while self._take("&&"):
            operands.append(self._relation())
        return self._built(lambda: self._program.joined("_&&_", operands))

    def _relation(self) -> int:
        return self._from_left(_RELATIONS, self._sum)

    def _sum(self) -> int:
        return self._from_left(_SUMS, self._product)

    def _product(self) -> int:
        return self._from_left(_PRODUCTS, self._unary)

    def _from_left(self, functions: dict[str, str], operand: Callable[[], int]) -> int:
        left = operand()
        while self._next.kind in ("sign", "name") and self._next.text in functions:
            function = functions[self._advance().text]
            pair = [left, operand()]
            left = self._call(function, pair)
        return left

    def _unary(self) -> int:
        bangs, minuses = self._run("!"), self._run("-")
        negative = minuses > 0 and self._next.kind in ("int", "double")
        if bangs and minuses > negative:
            self._fail("a minus after ! belongs to a number")
        operand = self._member(negative=negative)
        count = bangs or minuses - negative
        return self._call("!_" if bangs else "-_", [operand]) if count % 2 else operand

    def _run(self, sign: str) -> int:
        count = 0
        while self._take(sign):
            count += 1
        return count

    def _member(self, *, negative: bool) -> int:
        member = self._primary(negative=negative)
        while True:
            at = self._next.at
            if self._take("."):
                member = self._field(member)
            elif self._take("["):
                pair = [member, self.expression()]
                self._expect("]")
                member = self._call("_[_]", pair, at=at)
            elif self._is("{"):
                self._fail("messages are not implemented")
            else:
                return member

    def _field(self, of: int) -> int:
        token = self._next
        if token.kind not in ("name", "field") or token.text in _KEYWORDS:
            self._fail("the name of a field is expected")
        self._advance()
        if token.kind == "name" and self._take("("):
            arguments = [of, *self._items(")")]
            if len(arguments) - 1 in _LOOPS.get(token.text, ()):
                self._fail("Comprehension support is disabled", token.at)
            return self._call(token.text, arguments, at=token.at, method=True)
        return self._built(lambda: self._program.select(of, token.text), token.at)

    def _primary(self, *, negative: bool) -> int:
        token = self._advance()
        if token.kind in ("int", "uint", "double"):
            return self._number(token, negative=negative)
        if token.kind in ("text", "bytes"):
            return self._constant(_literal(token))
        if token.kind == "name" or token.text == ".":
            return self._name(token)
        if token.text == "(":
            inner = self.expression()
            self._expect(")")
            return inner
        if token.text == "[":
            items = self._items("]", trailing=True)
            return self._built(lambda: self._program.list(items))
        if token.text == "{":
            return self._map()
        what = "the end" if token.kind == "end" else repr(token.text)
        return self._fail(f"a value is expected, not {what}", token.at)

    def _name(self, token: Token) -> int:
        name = token
        if token.text == ".":
            name = self._advance()
            if name.kind != "name":
                self._fail("a name is expected", name.at)
        if name.text in ("true", "false"):
            return self._constant(ExpressionNode(boolean=name.text == "true"))
        if name.text == "null":
            return self._built(self._program.null)
        if name.text == "in":
            self._fail("a value is expected, not 'in'", name.at)
        if self._take("("):
            return self._function(name)
        if name.text in _RESERVED.split():
            self._fail(f"reserved identifier: {name.text}", name.at)
        return self._built(lambda: self._program.name(name.text))

    def _function(self, name: Token) -> int:
        at = self._next.at
        arguments = self._items(")")
        if name.text != "has" or len(arguments) != 1:
            return self._call(name.text, arguments, at=name.at)
        if not self._program.ask_presence(arguments[0]):
            self._fail("has() argument must be a field selection", at)
        return arguments[0]

    def _map(self) -> int:
        items: list[int] = []
        while not self._take("}"):
            if items:
                self._expect(",")
                if self._take("}"):
                    break
            items.append(self.expression())
            self._expect(":")
            items.append(self.expression())
        return self._built(lambda: self._program.map(items))

    def _items(self, end: str, *, trailing: bool = False) -> list[int]:
        items: list[int] = []
        while not self._take(end):
            if items:
                self._expect(",")
                if trailing and self._take(end):
                    break
            items.append(self.expression())
        return items

    def _number(self, token: Token, *, negative: bool) -> int:
        if token.kind == "double":
            value = float(token.text)
            return self._constant(ExpressionNode(double=-value if negative else value))
        text = token.text.rstrip("uU")
        number = int(text, 16) if text.startswith("0x") else int(text)
        if token.kind == "uint":
            if number > _MAX_UINT:
                self._fail("invalid uint literal", token.at)
            return self._constant(ExpressionNode(unsigned=number))
        if number > _MAX_INT + negative:
            self._fail("invalid int literal", token.at)
        return self._constant(ExpressionNode(integer=-number if negative else number))

    def _constant(self, node: ExpressionNode) -> int:
        return self._built(lambda: self._program.add(node))

    def _call(
        self, function: str, arguments: list[int], *, at: int | None = None, method: bool = False
    ) -> int:
        return self._built(lambda: self._program.call(function, arguments, method=method), at)

    def _built(self, build: Callable[[], int], at: int | None = None) -> int:
        try:
            return build()
        except ProgramError as error:
            self._fail(str(error), at)

    def _is(self, sign: str) -> bool:
        return self._next.kind == "sign" and self._next.text == sign

    def _take(self, sign: str) -> bool:
        taken = self._is(sign)
        if taken:
            self._advance()
        return taken

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            self._fail(f"{sign!r} is expected")

    def _advance(self) -> Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _fail(self, reason: str, at: int | None = None) -> NoReturn:
        lexer.fail(self._source, self._next.at if at is None else at, reason)


def _literal(token: Token) -> ExpressionNode:
    if isinstance(token.value, bytes):
        return ExpressionNode(data=token.value)
    return ExpressionNode(text=token.value)
