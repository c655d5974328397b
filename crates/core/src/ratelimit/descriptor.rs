//! What a request is limited by: names and values that actions make of it.

/// A name and a value.
pub type Entry = (String, String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub entries: Vec<Entry>,
    /// How many tokens it takes.
    pub hits: u64,
    /// The configuration says how many.
    pub given_hits: bool,
    /// It gives them back instead.
    pub gives_back: bool,
    /// Whether the client is told of the limit; None: as the filter says.
    pub headers: Option<bool>,
    /// The limit that a rate limit service is to use.
    pub limit: Option<Override>,
}

/// A limit in place of one that a rate limit service knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub requests_per_unit: u32,
    /// As its API calls it.
    pub unit: String,
}
