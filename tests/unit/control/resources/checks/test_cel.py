import pytest

from lateen.control.resources.checks.cel import expression_problem


@pytest.mark.parametrize(
    "text",
    [
        "response.code >= 400",
        "has(request.auth) && !(a in ['x', 'y']) || b[0].c == \"d\"",
        "a ? b : c ? d : e",
        "--1 + -2.5e3 * 0x1Fu % .5",
        "x.filter(y, y > 1).size() == 2u",
        "{'a': 1, 'b': [1, 2,],}",
        "a.b.C{d: 1, e: f()}",
        ".a.b(1)",
        "r'\\d' == b'x' // what follows is nothing",
        '"""a\n"b" """ + \'\\\'\'',
        "true && null == false",
        'r\'\\\' + bR"""\\""" + \'\\\'\'',
    ],
)
def test_what_is_an_expression(text):
    assert expression_problem(text) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the end is not expected there"),
        ("a ==", "the end is not expected there"),
        ("a b", "b is not expected there"),
        ("(a", "the end is not expected there"),
        ("a)", ") is not expected there"),
        ("a = b", "'=' begins nothing"),
        ("a & b", "'&' begins nothing"),
        ("'a", '"\'" begins nothing'),
        ('"""' + "\\a" * 60, "'\"' begins nothing"),
        ("[1, , 2]", ", is not expected there"),
        ("{a}", "} is not expected there"),
        ("a ? b", "the end is not expected there"),
        ("a.", "the end is not expected there"),
        ("a.1", ".1 is not expected there"),
        ("if", "if is not expected there"),
        ("(" * 60 + "a" + ")" * 60, "it is nested more than 50 deep"),
    ],
)
def test_what_is_none(text, problem):
    assert expression_problem(text) == problem
