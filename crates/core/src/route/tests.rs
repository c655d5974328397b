//! Tests of routing as a whole; what is expected was observed on Envoy 1.40.

mod changes;
mod clusters;
mod matching;
mod property;
mod redirects;
mod retries;
mod rewrites;
mod scopes;
