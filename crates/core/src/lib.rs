//! The workers: everything that happens per request, per connection or per endpoint tick.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod access_log;
pub mod address;
pub mod body;
pub mod buffer;
pub mod clock;
pub mod compile;
pub mod connection;
pub mod fault;
pub mod filters;
pub mod formatter;
pub mod headers;
pub mod http;
pub mod http1;
pub mod http2;
pub mod lb;
pub mod listener;
pub mod log;
pub mod matcher;
pub mod metadata;
pub mod network;
pub mod on_demand;
pub mod pipe;
pub mod proto;
pub mod random;
pub mod ratelimit;
pub mod rbac;
pub mod route;
pub mod runtime;
pub mod stats;
mod sys;
pub mod timer;
pub mod tls;
pub mod transport;
pub mod upstream;
pub mod worker;
pub mod workers;
