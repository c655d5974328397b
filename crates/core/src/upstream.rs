//! Clusters, their hosts and the connections to them.

pub mod host;

pub use host::{Health, Host, HostStats, Locality};
