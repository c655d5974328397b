//! The rules of the language, with nodes as the main thread would send them.

use crate::cel::{print, to_json, Program, Value};
use crate::formatter::tests::Sample;
use crate::proto::expression_node::{Call, Items, Kind, Null, Select};
use crate::proto::{Expression, ExpressionNode};

/// An expression that is built from its leaves.
#[derive(Clone)]
struct Tree {
    kind: Kind,
    parts: Vec<Tree>,
}

fn leaf(kind: Kind) -> Tree {
    Tree { kind, parts: Vec::new() }
}

fn int(number: i64) -> Tree {
    leaf(Kind::Integer(number))
}

fn uint(number: u64) -> Tree {
    leaf(Kind::Unsigned(number))
}

fn double(number: f64) -> Tree {
    leaf(Kind::Double(number))
}

fn boolean(value: bool) -> Tree {
    leaf(Kind::Boolean(value))
}

fn text(text: &str) -> Tree {
    leaf(Kind::Text(text.to_owned()))
}

fn name(name: &str) -> Tree {
    leaf(Kind::Name(name.to_owned()))
}

fn null() -> Tree {
    leaf(Kind::Null(Null {}))
}

fn list(items: &[Tree]) -> Tree {
    Tree { kind: Kind::List(Items::default()), parts: items.to_vec() }
}

fn map(items: &[Tree]) -> Tree {
    Tree { kind: Kind::Map(Items::default()), parts: items.to_vec() }
}

fn call(function: &str, arguments: &[Tree]) -> Tree {
    let call = Call { function: function.to_owned(), ..Call::default() };
    Tree { kind: Kind::Call(call), parts: arguments.to_vec() }
}

fn method(function: &str, arguments: &[Tree]) -> Tree {
    let call = Call { function: function.to_owned(), method: true, ..Call::default() };
    Tree { kind: Kind::Call(call), parts: arguments.to_vec() }
}

fn select(operand: Tree, field: &str, presence: bool) -> Tree {
    let select = Select { field: field.to_owned(), presence, ..Select::default() };
    Tree { kind: Kind::Select(select), parts: vec![operand] }
}

fn field(of: &str, field: &str) -> Tree {
    select(name(of), field, false)
}

/// The error of an attribute that is not there.
fn missing() -> Tree {
    field("request", "nothing")
}

fn add(tree: &Tree, nodes: &mut Vec<ExpressionNode>) -> u32 {
    let places: Vec<u32> = tree.parts.iter().map(|part| add(part, nodes)).collect();
    let mut kind = tree.kind.clone();
    match &mut kind {
        Kind::Select(select) => select.operand = places[0],
        Kind::Call(call) => call.arguments = places,
        Kind::List(items) | Kind::Map(items) => items.items = places,
        _ => {}
    }
    nodes.push(ExpressionNode { kind: Some(kind) });
    nodes.len() as u32 - 1
}

fn message(tree: &Tree) -> Expression {
    let mut nodes = Vec::new();
    add(tree, &mut nodes);
    Expression { nodes, string_conversion: true, string_concat: true, string_functions: true }
}

/// What the expression comes to for the sample request, as a text; `error` when it does to none.
fn shown(tree: &Tree) -> String {
    let program = Program::compile(&message(tree)).unwrap();
    let sample = Sample::new();
    let context = sample.context();
    let mut out = Vec::new();
    match program.evaluate(&context) {
        Some(value) => print(&value, &mut out),
        None => out.extend_from_slice(b"error"),
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn binary(function: &str, left: Tree, right: Tree) -> String {
    shown(&call(function, &[left, right]))
}

#[test]
fn one_side_of_a_logical_operator_can_decide_alone() {
    for (function, decisive) in [("_&&_", false), ("_||_", true)] {
        let word = decisive.to_string();
        assert_eq!(binary(function, boolean(decisive), missing()), word);
        assert_eq!(binary(function, missing(), boolean(decisive)), word);
        assert_eq!(binary(function, int(1), boolean(decisive)), word);
        assert_eq!(binary(function, boolean(!decisive), missing()), "error");
        assert_eq!(binary(function, missing(), boolean(!decisive)), "error");
        assert_eq!(binary(function, boolean(!decisive), int(1)), "error");
        assert_eq!(
            binary(function, boolean(!decisive), boolean(!decisive)),
            (!decisive).to_string()
        );
    }
}

#[test]
fn a_choice_evaluates_one_side() {
    let choice = |condition| shown(&call("_?_:_", &[condition, int(1), missing()]));
    assert_eq!(choice(boolean(true)), "1");
    assert_eq!(choice(boolean(false)), "error");
    assert_eq!(choice(missing()), "error");
    assert_eq!(choice(int(1)), "error");
}

#[test]
fn numbers_are_equal_by_what_they_stand_for() {
    let equal = |left, right| binary("_==_", left, right);
    assert_eq!(equal(int(1), uint(1)), "true");
    assert_eq!(equal(int(1), double(1.0)), "true");
    assert_eq!(equal(uint(u64::MAX), int(-1)), "false");
    assert_eq!(equal(int(1), double(1.5)), "false");
    assert_eq!(equal(double(f64::NAN), double(f64::NAN)), "false");
    assert_eq!(equal(int(1), text("1")), "false");
    assert_eq!(equal(null(), null()), "true");
    assert_eq!(equal(list(&[int(1)]), list(&[double(1.0)])), "true");
    assert_eq!(equal(list(&[int(1)]), list(&[int(1), int(2)])), "false");
    let (left, right) = (map(&[text("a"), int(1)]), map(&[text("a"), uint(1)]));
    assert_eq!(equal(left, right), "true");
    assert_eq!(binary("_!=_", missing(), int(1)), "error");
}

#[test]
fn numbers_of_different_types_are_in_order() {
    assert_eq!(binary("_<_", int(-1), uint(0)), "true");
    assert_eq!(binary("_<_", int(1), double(1.5)), "true");
    assert_eq!(binary("_>=_", double(-0.5), int(-1)), "true");
    assert_eq!(binary("_<_", uint(u64::MAX), double(f64::INFINITY)), "true");
    assert_eq!(binary("_>_", double(f64::NAN), int(1)), "false");
    assert_eq!(binary("_<_", text("a"), text("b")), "true");
    assert_eq!(binary("_<_", text("a"), int(1)), "error");
    assert_eq!(binary("_<_", list(&[]), list(&[])), "error");
}

#[test]
fn what_leaves_the_range_of_its_type_is_an_error() {
    assert_eq!(binary("_+_", int(i64::MAX), int(1)), "error");
    assert_eq!(binary("_-_", uint(1), uint(2)), "error");
    assert_eq!(binary("_*_", int(i64::MIN), int(-1)), "error");
    assert_eq!(binary("_/_", int(i64::MIN), int(-1)), "error");
    assert_eq!(binary("_%_", int(1), int(0)), "error");
    assert_eq!(binary("_/_", double(1.0), double(0.0)), "inf");
    assert_eq!(shown(&call("-_", &[int(i64::MIN)])), "error");
    assert_eq!(binary("_+_", int(1), uint(1)), "error");
    assert_eq!(shown(&call("int", &[double(1e19)])), "error");
    assert_eq!(shown(&call("uint", &[int(-1)])), "error");
    assert_eq!(shown(&call("duration", &[text("1000000000000s")])), "error");
}

#[test]
fn keys_are_of_some_types_and_there_once() {
    let at = |map: Tree, key: Tree| binary("_[_]", map, key);
    assert_eq!(at(map(&[int(1), text("a")]), double(1.0)), "a");
    assert_eq!(at(map(&[int(1), text("a")]), text("1")), "error");
    assert_eq!(at(map(&[boolean(true), text("a")]), boolean(true)), "a");
    assert_eq!(shown(&map(&[text("a"), int(1), text("a"), int(2)])), "error");
    assert_eq!(shown(&map(&[double(1.0), int(1)])), "error");
    assert_eq!(at(list(&[int(7)]), int(0)), "7");
    assert_eq!(at(list(&[int(7)]), int(-1)), "error");
    assert_eq!(at(list(&[int(7)]), double(0.5)), "error");
    assert_eq!(binary("@in", int(1), list(&[double(1.0)])), "true");
    assert_eq!(binary("@in", text("a"), text("abc")), "error");
}

#[test]
fn presence_is_no_error() {
    let one = map(&[text("a"), null()]);
    assert_eq!(shown(&select(one.clone(), "a", true)), "true");
    assert_eq!(shown(&select(one, "b", true)), "false");
    assert_eq!(shown(&select(name("request"), "path", true)), "true");
    assert_eq!(shown(&select(name("request"), "nothing", true)), "false");
    assert_eq!(shown(&select(field("request", "headers"), "x-multi", true)), "true");
    assert_eq!(shown(&select(name("nothing"), "a", true)), "error");
    assert_eq!(shown(&select(text("a"), "a", true)), "error");
}

#[test]
fn attributes_are_found_by_every_notation() {
    let headers = field("request", "headers");
    let header = |key: &str| call("_[_]", &[headers.clone(), text(key)]);
    assert_eq!(shown(&field("request", "host")), "h:1");
    assert_eq!(shown(&call("_[_]", &[name("request"), text("host")])), "h:1");
    let made = call("_+_", &[text("ho"), text("st")]);
    assert_eq!(shown(&call("_[_]", &[name("request"), made])), "h:1");
    assert_eq!(shown(&header("X-Multi")), "one,two");
    assert_eq!(shown(&header("host")), "h:1");
    assert_eq!(shown(&header("not a name")), "error");
    assert_eq!(shown(&select(headers, "x-multi", false)), "one,two");
    assert_eq!(shown(&name("request")), "CelMap value");
    assert_eq!(binary("@in", text("path"), name("request")), "true");
}

#[test]
fn doubles_are_written_with_six_digits_and_converted_whole() {
    let both = |number| (shown(&double(number)), shown(&call("string", &[double(number)])));
    let texts = |short: &str, whole: &str| (short.to_owned(), whole.to_owned());
    assert_eq!(both(0.1), texts("0.1", "0.1"));
    assert_eq!(both(1.0), texts("1", "1"));
    assert_eq!(both(-0.0), texts("-0", "-0"));
    assert_eq!(both(0.0001), texts("0.0001", "0.0001"));
    assert_eq!(both(1234567.5), texts("1.23457e+06", "1.2345675e+06"));
    assert_eq!(both(1.0 / 3.0), texts("0.333333", "0.3333333333333333"));
    assert_eq!(both(1e100), texts("1e+100", "1e+100"));
    assert_eq!(both(f64::NEG_INFINITY), texts("-inf", "-inf"));
}

#[test]
fn durations_and_times_are_read_and_written() {
    let duration = |it: &str| shown(&call("duration", &[text(it)]));
    assert_eq!(duration("1h1m1.5s"), "1h1m1.5s");
    assert_eq!(duration("-90m"), "-1h30m");
    assert_eq!(duration("201223ns"), "201.223us");
    assert_eq!(duration("1ms"), "1ms");
    assert_eq!(duration("0"), "0");
    for wrong in ["", "5", "s", "1.2.3s", "1x", "-", ".s"] {
        assert_eq!(duration(wrong), "error", "{wrong}");
    }
    let time = |it: &str| shown(&call("timestamp", &[text(it)]));
    assert_eq!(time("2020-02-29T04:05:06.780+01:00"), "2020-02-29T03:05:06.78+00:00");
    assert_eq!(time("0001-01-01T00:00:00Z"), "1-01-01T00:00:00+00:00");
    for wrong in
        ["2020-02-30T00:00:00Z", "2020-01-01", "2020-01-01T24:00:00Z", "é020-01-01T00:00:00Z"]
    {
        assert_eq!(time(wrong), "error", "{wrong}");
    }
    let month = |arguments: &[Tree]| shown(&method("getMonth", arguments));
    let new_year = call("timestamp", &[text("2020-01-01T00:00:00Z")]);
    assert_eq!(month(std::slice::from_ref(&new_year)), "0");
    assert_eq!(month(&[new_year, text("-01:00")]), "11");
}

#[test]
fn texts_are_counted_in_characters() {
    let on = |function: &str, arguments: &[Tree]| shown(&method(function, arguments));
    assert_eq!(on("size", &[text("äb")]), "2");
    assert_eq!(on("charAt", &[text("äb"), int(1)]), "b");
    assert_eq!(on("charAt", &[text("äb"), int(2)]), "");
    assert_eq!(on("charAt", &[text("äb"), int(3)]), "error");
    assert_eq!(on("substring", &[text("äbc"), int(1), int(2)]), "b");
    assert_eq!(on("substring", &[text("äbc"), int(2), int(1)]), "error");
    assert_eq!(on("indexOf", &[text("äbäb"), text("b"), int(2)]), "3");
    assert_eq!(on("lastIndexOf", &[text("äbäb"), text("ä"), int(1)]), "0");
    let parts =
        |arguments: &[Tree]| shown(&method("join", &[method("split", arguments), text("|")]));
    assert_eq!(parts(&[text("a,b,c"), text(","), int(2)]), "a|b,c");
    assert_eq!(parts(&[text("äbc"), text(""), int(2)]), "ä|bc");
    assert_eq!(on("replace", &[text("abc"), text(""), text("-"), int(2)]), "-a-bc");
}

#[test]
fn no_function_makes_a_long_text() {
    let mut long = text(&"a".repeat(1000));
    long = method("replace", &[long.clone(), text("a"), long]);
    assert_eq!(shown(&method("size", &[long.clone()])), "error");
    let list = method("split", &[text(&"a".repeat(1000)), text("")]);
    assert_eq!(shown(&method("join", &[list, text(&"b".repeat(1000))])), "error");
}

#[test]
fn what_a_program_cannot_be_is_refused() {
    let refused = |tree: &Tree| Program::compile(&message(tree)).err().map(|error| error.reason);
    let overload =
        "failed to create an expression: No overload found in reference resolve step for ";
    assert_eq!(refused(&call("nothing", &[])), Some(format!("{overload}nothing")));
    assert_eq!(refused(&method("int", &[int(1)])), Some(format!("{overload}int")));
    assert_eq!(refused(&call("size", &[])), Some(format!("{overload}size")));
    let pattern = method("matches", &[text("a"), text("(")]);
    assert_eq!(refused(&pattern).as_deref(), Some("invalid regex '(': unclosed group"));
    let zone = method("getHours", &[field("request", "time"), text("Europe/Berlin")]);
    assert!(refused(&zone).is_some_and(|reason| reason.contains("Europe/Berlin")));
    let deep = (0..64).fold(int(1), |inner, _| list(&[inner]));
    assert!(refused(&deep).is_some_and(|reason| reason.contains("64 levels")));
    let mut plain = message(&call("string", &[int(1)]));
    plain.string_conversion = false;
    assert!(Program::compile(&plain).is_err());
    assert!(Program::compile(&Expression::default()).is_err());
    let mut shared = message(&list(&[int(1), int(2)]));
    if let Some(Kind::List(items)) = &mut shared.nodes[2].kind {
        items.items = vec![0, 0];
    }
    assert!(Program::compile(&shared).is_err());
}

#[test]
fn types_have_names_and_no_json() {
    assert_eq!(binary("_==_", call("type", &[int(1)]), name("int")), "true");
    assert_eq!(binary("_==_", call("type", &[null()]), name("null_type")), "true");
    assert!(to_json(&Value::Type("int")).is_none());
}
