//! The functions that expressions call: one line each. The operators that need not all of their operands are not
//! among them.
//! <https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions>

mod arithmetic;
mod collections;
mod conversions;
mod dates;
mod texts;

use super::value::Value;
use crate::compile::{CompileError, Result};

pub use dates::{check_zone, takes_zone};

/// None for values that it is not defined for.
pub type Function = for<'a> fn(&[Value<'a>]) -> Option<Value<'a>>;

/// Which functions there are besides the usual ones.
#[derive(Clone, Copy)]
pub struct Allowed {
    pub string_conversion: bool,
    pub string_concat: bool,
    pub string_functions: bool,
}

/// Where the first argument may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Function,
    Method,
    Both,
}

/// Its name, where its first argument stands, how many arguments it has, and what it does.
type Entry = (&'static str, Style, usize, Function);

/// What Envoy's strings extension has and is not here.
const NOT_IMPLEMENTED: &[&str] = &["format", "quote"];

/// The function of this name for so many arguments.
///
/// # Errors
/// There is none.
pub fn find(name: &str, arguments: usize, method: bool, allowed: Allowed) -> Result<Function> {
    let known: [(&[Entry], bool); 7] = [
        (arithmetic::CONCATENATING, allowed.string_concat),
        (arithmetic::FUNCTIONS, true),
        (collections::FUNCTIONS, true),
        (conversions::FUNCTIONS, true),
        (conversions::TO_STRING, allowed.string_conversion),
        (dates::FUNCTIONS, true),
        (texts::EXTENSION, allowed.string_functions),
    ];
    let tables = known.iter().filter(|(_, usable)| *usable).flat_map(|(table, _)| *table);
    let fits = |style: Style| style == Style::Both || (style == Style::Method) == method;
    let mut found = tables
        .filter(|(known, style, count, _)| *known == name && *count == arguments && fits(*style));
    if let Some((_, _, _, function)) = found.next() {
        return Ok(*function);
    }
    Err(CompileError::new(match NOT_IMPLEMENTED.contains(&name) {
        true => format!("the function {name} is not implemented"),
        false => format!(
            "failed to create an expression: No overload found in reference resolve step for {name}"
        ),
    }))
}
