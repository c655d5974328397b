import random

import pytest

from lateen.proxy.compile.expressions import lexer
from lateen.proxy.compile.expressions.lexer import ExpressionError
from lateen.proxy.compile.expressions.parser import parse
from lateen.proxy.compile.expressions.program import Program

NO = "is not implemented"


def read(text):
    """The expression as one line: constants as they are, calls and fields around their parts."""
    program = Program(None)
    parse(text, program)
    nodes = program.finished().nodes

    def show(at):
        node = nodes[at]
        kind = node.WhichOneof("kind")
        if kind == "select":
            mark = "?" if node.select.presence else ""
            return f"{show(node.select.operand)}.{node.select.field}{mark}"
        if kind == "call":
            inner = ", ".join(show(part) for part in node.call.arguments)
            return f"{'.' if node.call.method else ''}{node.call.function}({inner})"
        if kind in ("list", "map"):
            return f"{kind}({', '.join(show(part) for part in getattr(node, kind).items)})"
        return (
            "null" if kind == "null" else repr(getattr(node, kind)) if kind != "name" else node.name
        )

    return show(len(nodes) - 1)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a.b.c", "a.b.c"),
        (".a.b", "a.b"),
        ("a . `b-c`", "a.b-c"),
        ("a['b'][0]", "_[_](_[_](a, 'b'), 0)"),
        ("1 + 2 * 3 - 4", "_-_(_+_(1, _*_(2, 3)), 4)"),
        ("1 < 2 == true", "_==_(_<_(1, 2), True)"),
        ("a in [1, 2,]", "@in(a, list(1, 2))"),
        ("a ? b : c ? d : e", "_?_:_(a, b, _?_:_(c, d, e))"),
        ("a || b && c", "_||_(a, _&&_(b, c))"),
        ("a && b && c && d", "_&&_(_&&_(a, b), _&&_(c, d))"),
        ("!a", "!_(a)"),
        ("!!a", "a"),
        ("--1", "-_(-1)"),
        ("- 1", "-1"),
        ("-a", "-_(a)"),
        ("!-1", "!_(-1)"),
        ("has(a.b)", "a.b?"),
        ("has(a.b).c", "a.b?.c"),
        ("has(a.b, c)", "has(a.b, c)"),
        ("size(a)", "size(a)"),
        ("a.f(1, b)", ".f(a, 1, b)"),
        ("{'a': 1, b: 2}", "map('a', 1, b, 2)"),
        ("{}", "map()"),
        ("a.if", "a.if"),
        ("null", "null"),
        ("1 // and nothing else", "1"),
    ],
)
def test_operators_bind_as_the_language_says(text, wanted):
    assert read(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0x1F", 31),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551615u", 2**64 - 1),
        ("0XFu", None),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-1.5e-3", -0.0015),
        (r"'\u00e9\x41\101\n\\'", "éAA\n\\"),
        (r"r'\n'", r"\n"),
        ("'''a'b\n'''", "a'b\n"),
        ('"""a"b"""', 'a"b'),
        (r"b'\xff\u0041'", None),
        (r"b'\xff\000é'", b"\xff\x00\xc3\xa9"),
        (r"Br'\x'", rb"\x"),
    ],
)
def test_literals(text, wanted):
    if wanted is None:
        with pytest.raises(ExpressionError):
            read(text)
    else:
        assert read(text) == repr(wanted)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "1:1: a value is expected, not the end"),
        ("1 +", "1:4: a value is expected, not the end"),
        ("1 2", "1:3: the end is expected, not '2'"),
        ("a ||\n  && b", "2:3: a value is expected, not '&&'"),
        ("a = b", "1:3: no token begins with '='"),
        ("'a", '1:1: no token begins with "\'"'),
        ("a.in", "1:3: the name of a field is expected"),
        ("if", "1:1: reserved identifier: if"),
        ("(1", "1:3: ')' is expected"),
        ("f(a,)", "1:5: a value is expected, not ')'"),
        ("{1}", "1:3: ':' is expected"),
        ("a ? b", "1:6: ':' is expected"),
        ("-!a", "1:2: a value is expected, not '!'"),
        ("!-a", "1:3: a minus after ! belongs to a number"),
        ("a.b{c: 1}", "1:4: messages are not implemented"),
        ("has(a)", "1:5: has() argument must be a field selection"),
        ("has(a['b'])", "1:5: has() argument must be a field selection"),
        ("a.all(x, x)", "1:3: Comprehension support is disabled"),
        ("a.map(x, x, x)", "1:3: Comprehension support is disabled"),
        ("9223372036854775808", "1:1: invalid int literal"),
        ("18446744073709551616u", "1:1: invalid uint literal"),
        (r"'\q'", "1:1: a broken escape: \\q"),
        (r"'\ud800'", "1:1: \\ud800 is no character"),
        ("upstream.num_endpoints", f"1:10: the attribute upstream.num_endpoints {NO}"),
        ("é", "1:1: no token begins with 'é'"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text, reason):
    with pytest.raises(ExpressionError) as error:
        read(text)
    assert str(error.value) == reason


@pytest.mark.parametrize(
    "text",
    [
        "(" * 40 + "1" + ")" * 40,
        "[" * 40 + "]" * 40,
        "a" + "[0]" * 100,
        "a" + ".b" * 100,
        "1" + "+1" * 100,
        "a ? b : " * 40 + "c",
        "'" + "a" * 100_000 + "'",
    ],
)
def test_an_expression_is_bounded(text):
    with pytest.raises(ExpressionError, match=r"levels deep|characters"):
        read(text)


def test_many_operands_of_one_operator_are_not_deep():
    assert read(" || ".join(["a"] * 1000)).count("a") == 1000
    assert read("!" * 1001 + "a") == "!_(a)"


def test_any_text_is_read_or_refused():
    parts = [
        "a",
        ".",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        "\\",
        "1",
        "u",
        "-",
        "!",
        "?",
        ":",
        ",",
    ]
    parts += ["&&", "||", "==", "in", "has(", "\n", "é", "0x", "b'", "r'", "`", "/", "null", " "]
    dice = random.Random(1)
    found, refused = set(), 0
    for _ in range(3000):
        text = "".join(dice.choices(parts, k=dice.randrange(1, 12)))
        try:
            found.add(read(text))
        except ExpressionError:
            refused += 1
    assert len(found) > 20
    assert refused > 1000


def test_comments_and_white_space_separate_tokens():
    kinds = [token.kind for token in lexer.tokens("a\t//b\n\f1u `c` 'd'")]
    assert kinds == ["name", "uint", "field", "text", "end"]
