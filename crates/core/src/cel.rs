//! Expressions of CEL, as conditions and formats ask them of requests and connections.
//!
//! The main thread reads an expression and sends its nodes; here they become a [`Program`] once, with attributes
//! and functions found, which is evaluated without allocating as long as no new text or list is made.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes>
//! <https://github.com/google/cel-spec/blob/master/doc/langdef.md>

mod attributes;
mod compare;
mod compile;
mod container;
mod evaluate;
mod functions;
mod message;
mod print;
#[cfg(test)]
mod tests;
mod time;
mod value;

pub use evaluate::Program;
pub use print::{print, to_json};
pub use value::{Value, LONGEST};
