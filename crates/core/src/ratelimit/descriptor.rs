//! What a request is limited by: names and values that actions make of it.

/// A name and a value.
pub type Entry = (String, String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub entries: Vec<Entry>,
    /// How many tokens it takes.
    pub hits: u64,
    /// It gives them back instead.
    pub gives_back: bool,
    /// Whether the client is told of the limit; None: as the filter says.
    pub headers: Option<bool>,
}
