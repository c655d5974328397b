//! What compiling a message of worker.proto into its run-time form can say.

use std::fmt;

/// A part of a resource that cannot be taken: where it is and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// Field path inside the resource, outermost first, e.g. `virtual_hosts[0].routes[1].match`.
    pub path: String,
    pub reason: String,
}

pub type Result<T> = std::result::Result<T, CompileError>;

impl CompileError {
    pub fn new(reason: impl Into<String>) -> Self {
        Self { path: String::new(), reason: reason.into() }
    }

    /// Puts `field` in front of the path.
    pub fn at(mut self, field: impl fmt::Display) -> Self {
        self.path = match self.path.is_empty() {
            true => field.to_string(),
            false => format!("{field}.{}", self.path),
        };
        self
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_empty() {
            true => f.write_str(&self.reason),
            false => write!(f, "{}: {}", self.path, self.reason),
        }
    }
}

impl std::error::Error for CompileError {}

/// Puts the place of a failed part in front of its path.
pub trait At<T> {
    fn at(self, field: impl fmt::Display) -> Result<T>;
}

impl<T> At<T> for Result<T> {
    fn at(self, field: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.at(field))
    }
}

/// Compiles each item of a repeated field, naming the index of one that fails.
pub fn each<M, T>(items: &[M], field: &str, compile: impl Fn(&M) -> Result<T>) -> Result<Vec<T>> {
    items
        .iter()
        .enumerate()
        .map(|(index, item)| compile(item).at(format_args!("{field}[{index}]")))
        .collect()
}
