"""Values of CEL: operators, conversions, texts, lists and maps, times, errors.

`%CEL()%` writes a dash for an error; each case is what a list of expressions comes to.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.interop.cel import ALL, ONE, printed
from tests.interop.model import Case, Differs

NEW_YEAR = "timestamp('2020-02-03T04:05:06.789Z')"


def values(name: str, *expressions: str, config: str = "", differs: Differs | None = None) -> Case:
    """What expressions come to, as texts and with their types."""
    return Case(f"cel_{name}", (ONE,), hcm=printed(expressions, config), stats="", differs=differs)


def typed(name: str, *expressions: str) -> Case:
    """What expressions are in JSON."""
    return Case(f"cel_typed_{name}", (ONE,), hcm=printed(expressions, ALL, "TYPED_CEL"), stats="")


def each(form: str, of: Sequence[str]) -> list[str]:
    """A form with each of some texts in it."""
    return [form.replace("?", text) for text in of]


CASES = (
    values(
        "logic",
        "request.x && false", "false && request.x", "request.x && true", "request.x || true",
        "true || request.x", "request.x || false", "1 && false", "1 && true", "1 || true",
        "!request.x", "!1", "!!true", "true ? 1 : request.x", "request.x ? 1 : 2", "1 ? 1 : 2",
        "true || false && false", "!true == false",
    ),
    values(
        "equality",
        "1 == 1u", "1 == 1.0", "1u == 1.0", "1 != 1.0", "1 == 'a'", "1 == null", "null == null",
        "'a' == b'a'", "[1] == [1.0]", "[1] == [1, 2]", "{'a': 1} == {'a': 1u}",
        "{'a': 1} == {'b': 1}", "0.0/0.0 == 0.0/0.0", "request.x == 1", "request == request",
        "9223372036854775807 == 9223372036854775808.0", "-1 == 18446744073709551615u",
    ),
    values(
        "order",
        "1 < 1.5", "1u < 2", "-1 < 1u", "1 <= 1.0", "1.5 > 1u", "2 >= 2u", "'a' < 'b'",
        "b'a' < b'b'", "false < true", "'a' < 1", "[1] < [2]", "null < null", "0.0/0.0 < 1.0",
        "duration('1h') < duration('2h')", f"{NEW_YEAR} > timestamp(5)",
    ),
    values(
        "arithmetic",
        "1 + 2", "7 / 2", "-7 / 2", "7 % -2", "-7 % 2", "2 * 3 % 4", "10 - 3 - 2", "(1 + 2) * 3",
        "5u / 2u", "5u % 2u", "1.5 * 2.0", "1.0 / 0.0", "-1.0 / 0.0", "0.0 / 0.0", "- 1", "--1",
        "1 - -1", "-(1.5)",
    ),
    values(
        "arithmetic_errors",
        "9223372036854775807 + 1", "-9223372036854775808 - 1", "9223372036854775807 * 2",
        "-9223372036854775808 / -1", "-(-9223372036854775808)", "1 / 0", "1 % 0", "1u - 2u",
        "18446744073709551615u + 1u", "1 + 1u", "1 + 1.0", "1.0 % 2.0", "-1u", "-'a'",
        "'a' + 'b'", "b'a' + b'b'", "[1] + [2]", "null + null",
    ),
    values(
        "literals",
        "0x1F", "-0x1F", "0x1Fu", "1U", "1e3", ".5", "1.5e-3", "-0.0", r"r'\n'", "'''a'b'''",
        r"b'\x41\101'", r"'\u00e9\x41\101\t\\'", "B'a'", "[1, 2,]", "{'a': 1,}", "[]", "{}",
        "1 // a comment", "request . method", ".request.method",
    ),
    values(
        "conversions_to_int",
        *each("int(?)", ["'5'", "'-5'", "' 5'", "'+5'", "'5.5'", "'abc'", "'0x10'", "5.9", "-5.9",
                         "1e20", "9223372036854775807u", "18446744073709551615u", "true",
                         "timestamp('2020-01-01T00:00:01Z')", "null"]),
        *each("uint(?)", ["5", "-5", "5.5", "'5'", "'-5'", "1e30", "true"]),
    ),
    values(
        "conversions",
        *each("double(?)", ["1", "1u", "'1.5'", "'1e3'", "'inf'", "'abc'"]),
        *each("bool(?)", ["true", "'true'", "'True'", "'TRUE'", "'t'", "'1'", "'f'", "'yes'", "1"]),
        *each("bytes(?)", ["'abc'", "b'abc'", "1"]),
        "dyn(5)", "dyn(request.x)",
    ),
    values(
        "conversions_to_text",
        *each("string(?)", ["1", "1u", "1.5", "1.0", "true", "b'abc'", r"b'\xff'", "'a'", "null",
                            "duration('1h1.5s')", "timestamp('2020-01-01T00:00:00.5Z')", "1e100",
                            "-0.0", "123456789.0", "1234567.5", "100000.0", "1000000.0", "0.0001",
                            "0.00001", "0.1 + 0.2", "1.0 / 3.0", "[1]"]),
        config="enable_string_conversion: true",
    ),
    values(
        "types",
        *each("type(?)", ["1 == int", "1u", "[]"]),
        "type(1) == int", "type(1u) == uint", "type(1.0) == double", "type('') == string",
        "type(b'') == bytes", "type([]) == list", "type({}) == map", "type(null) == null_type",
        "type(true) == bool", "type(int) == type", "type(request) == map", "type(metadata) == map",
        "type(1) == string",
    ),
    values(
        "doubles",
        "1234567.5", "100000.0", "1000000.0", "999999.5", "0.0001", "0.00001", "123456.0",
        "0.1 + 0.2", "1.0 / 3.0", "2e15", "1e100", "-1.5e-7",
    ),
    values(
        "lists",
        "[1, 2][1]", "[1, 2][1u]", "[1, 2][1.0]", "[1, 2][0.5]", "[1, 2][5]", "[1, 2][-1]",
        "[1, 2]['a']", "1 in [1.0]", "1u in [1]", "3 in [1]", "size([1, 2])", "[1].size()",
        "[request.x]", "[1].a", "[[1, 2], [3]][1][0]", "1 in [1] in [true]",
    ),
    values(
        "maps",
        "{'a': 1}.a", "{'a': 1}['a']", "{'a': 1}.b", "{'a': 1}['b']", "{1: 'a'}[1u]",
        "{1: 'a'}[1.0]", "{1: 'a'}[1.5]", "{1u: 'a'}[1]", "{true: 1}[true]", "{1: 2}.a",
        "'a' in {'a': 1}", "1.0 in {1: 2}", "'b' in {'a': 1}", "size({'a': 1})",
        "has({'a': 1}.a)", "has({'a': 1}.b)", "has({'a': {'b': 1}}.a.b)", "{'a': 1, 'a': 2}",
        "{1: 1, 1u: 2}", "{1.5: 1}", "{null: 1}", "{'a': request.x}", "{request.x: 1}",
    ),
    values(
        "texts",
        "size('abc')", "size('é')", "size(b'é')", "'abc'.size()", "size(1)",
        "'abc'.startsWith('a')", "'abc'.endsWith('c')", "'abc'.contains('b')",
        "startsWith('abc', 'b')", "contains('abc', 'z')", "'abc'.startsWith(1)", "'a' in 'abc'",
        "'a'.b", "'abc'.contains('')",
    ),
    values(
        "regexes",
        "'abc'.matches('^a.*c$')", "'abc'.matches('b')", "matches('abc', '[0-9]')",
        "'ABC'.matches('(?i)abc')", "request.path.matches(request.method)",
        "'abc'.matches(request.x)", "request.x.matches('a')", "'('.matches(request.path)",
    ),
    values(
        "durations",
        *each("duration(?)", ["'3s'", "'1h1m1.5s'", "'-1.5h'", "'1.5s2m'", "'100000h'", "'1ms'",
                              "'1us'", "'1ns'", "'201223ns'", "'0'", "'0s'", "'5'", "'abc'", "''",
                              "'1000000000000s'", "5", "duration('1s')"]),
        "duration('1h') + duration('1m')", "duration('1h') - duration('1m')",
        "duration('1h') == duration('60m')", "-duration('1h')", "duration('1h') * 2",
        *each("duration('90061.5s').get?()", ["Hours", "Minutes", "Seconds", "Milliseconds"]),
        "duration('1s').getFullYear()",
    ),
    values(
        "times",
        *each("timestamp(?)", ["'2020-01-01T00:00:00Z'", "'2020-01-01T00:00:00.120Z'",
                               "'2020-01-01T00:00:00+01:00'", "'0001-01-01T00:00:00Z'", "5",
                               "'9999-12-31T23:59:59.999999999Z'", "'2020-01-01'", "'abc'",
                               "'2020-02-30T00:00:00Z'", "timestamp(5)", "5u"]),
        f"{NEW_YEAR} + duration('1h')", f"duration('1h') + {NEW_YEAR}",
        f"{NEW_YEAR} - duration('1s')", f"{NEW_YEAR} - timestamp('2020-02-02T00:00:00Z')",
        f"{NEW_YEAR} + {NEW_YEAR}", "timestamp('9999-12-31T23:59:59Z') + duration('1s')",
    ),
    values(
        "parts_of_times",
        *each(f"{NEW_YEAR}.get?()", ["FullYear", "Month", "Date", "DayOfMonth", "DayOfYear",
                                     "DayOfWeek", "Hours", "Minutes", "Seconds", "Milliseconds"]),
        *each(f"{NEW_YEAR}.getHours(?)", ["'+05:30'", "'-05:00'", "'02:00'", "'UTC'"]),
        f"{NEW_YEAR}.getDate('-05:00')", "'a'.getHours()",
    ),
    values(
        "concatenation",
        "'a' + 'b'", "b'a' + b'b'", "[1] + [2]", "1 + 2", "'a' + 1",
        "request.method + request.url_path", "'a' + request.x",
        config="enable_string_concat: true",
    ),
    values(
        "text_functions",
        "'Hello'.lowerAscii()", "'Hello'.upperAscii()", "'é'.upperAscii()", "'  a '.trim()",
        "'abc'.reverse()", "'abc'.charAt(1)", "'abc'.charAt(3)", "'abc'.charAt(4)",
        "'abc'.indexOf('c')", "'abc'.indexOf('z')", "'abc'.indexOf('a', 1)", "'abc'.indexOf('')",
        "'abcabc'.lastIndexOf('b')", "'abcabc'.lastIndexOf('b', 3)", "'abc'.lastIndexOf('z')",
        "'abc'.substring(1)", "'abc'.substring(1, 2)", "'abc'.substring(2, 1)",
        "'abc'.substring(4)", "'éa'.indexOf('a')",
        config=ALL,
    ),
    values(
        "replaced_and_joined",
        "'a-b-c'.replace('-', '+')", "'a-b-c'.replace('-', '+', 1)",
        "'a-b-c'.replace('-', '+', 0)", "'a-b-c'.replace('-', '+', -1)", "'abc'.replace('', '-')",
        "'abc'.replace('', '-', 2)", "['a', 'b'].join()", "['a', 'b'].join('-')", "[].join('-')",
        "[1].join('-')", "'a-b'.split('-').join('+')", "request.headers['x-a'].upperAscii()",
        config=ALL,
    ),
    typed(
        "splits",
        "'a-b-c'.split('-')", "'a-b-c'.split('-', 2)", "'a-b-c'.split('-', 0)",
        "'a-b-c'.split('-', 1)", "'a-b-c'.split('-', -1)", "'abc'.split('')",
        "'abc'.split('', 2)", "''.split('')", "''.split(',')",
    ),
    typed(
        "values",
        "1", "1u", "1.5", "true", "null", "'é\"'", "b'abc'", "[1, [b'a', null, duration('1s')]]",
        "{'b': 1, 'a': {'c': 2u}}", "{1: 2}", "{true: 2}", "type(1)", "[type(1)]", "request.x",
        "[request.x]", "request", "9007199254740993", "18446744073709551615u", "1e300", "1.5e-7",
        "duration('-1.5s')", "duration('1ns')", "duration('1us')", "duration('1h')",
        "timestamp('2020-01-01T00:00:00.123Z')", "timestamp('0001-01-01T00:00:00Z')",
    ),
)  # fmt: skip
