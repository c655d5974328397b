//! Limiting how often something happens.

mod token_bucket;

pub use token_bucket::TokenBucket;
