//! HTTP/2 connections in a worker: the engine of `lateen-http2` with a transport, and its streams as sources and
//! sinks of bodies. No policy.

pub mod config;
pub mod fields;
mod metadata;
pub mod session;
pub mod stream;

pub use metadata::MetadataEnd;
pub use session::{Block, Closed, Driver, Gauges, Notice, Observer, Session};
pub use stream::{Http2Stream, Reset};
