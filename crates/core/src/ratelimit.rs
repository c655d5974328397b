//! Limiting how often something happens.

mod action;
mod descriptor;
mod limiter;
mod policy;
mod token_bucket;

pub use descriptor::{Descriptor, Override};
pub use limiter::{Decision, Limit, Limiter, LimiterConfig};
pub use policy::RateLimits;
pub use token_bucket::TokenBucket;
