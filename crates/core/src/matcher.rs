//! Matchers of configuration: strings, headers, query parameters, cookies.
//!
//! Compiled once from messages of worker.proto; matching allocates nothing unless a header is repeated.

mod cidr;
mod cookie;
mod header;
mod metadata;
mod query;
mod re2;
mod regexes;
mod string;
pub mod tree;

pub use cidr::Cidr;
pub use cookie::{cookie_value, CookieMatcher};
pub use header::HeaderMatcher;
pub use metadata::{MetadataMatcher, ValueMatcher};
pub use query::{
    decoded_parameter, first_decoded_value, first_query_value, query_parameters, QueryMatcher,
};
pub use regexes::{small_regex, Regexes};
pub use string::StringMatcher;
