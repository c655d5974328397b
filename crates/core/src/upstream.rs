//! Clusters, their hosts and the connections to them.
//!
//! [`ClusterShared`] is one a process, [`Cluster`] one a worker. A request asks its cluster for a host
//! ([`Cluster::choose_host`]) and for a connection to it ([`Cluster::acquire`]), and gives the connection
//! back ([`PooledConnection::release`]).

mod aggregate;
mod auto_names;
mod breakers;
mod cluster;
mod clusters;
mod config;
mod connecting;
mod connection;
mod discovered;
pub mod dns_cache;
mod dynamic;
pub mod endpoints;
mod facts;
mod failing;
pub mod forward_proxy;
mod happy_eyeballs;
mod health_check;
pub mod host;
mod host_sets;
pub mod internal;
pub mod load_assignment;
pub mod load_report;
mod load_weights;
mod local;
mod multiplexed;
mod multiplexing;
mod original_dst;
mod outlier;
mod pending;
mod pool;
mod proxy_protocol;
mod shared;
mod socket;
mod tcp;
#[cfg(test)]
pub(crate) mod testing;
mod transport_sockets;
mod watch;
mod zone_stats;

pub use aggregate::Target;
pub use breakers::{
    ConnectionPermit, PendingPermit, Permits, Priority, RequestPermit, RetryPermit,
};
pub use cluster::{Cluster, UpstreamContext};
pub use clusters::Clusters;
pub use config::ClusterConfig;
pub use connecting::ConnectError;
pub use connection::{ClosedBy, Connection, PooledConnection};
pub use endpoints::{EndpointThread, Resolve};
pub use facts::ConnectionFacts;
pub use health_check::{CheckContext, CheckFlags};
pub use host::{Availability, Health, Host, HostStats, Locality, Opening};
pub use host_sets::{HostSets, LocalityHosts, Membership, PriorityHosts};
pub use load_weights::LoadWeights;
pub use local::LocalNode;
pub use multiplexed::{Multiplexed, PooledStream};
pub use outlier::Outcome;
pub use pending::{Acquire, Carrier, Overflow, PendingConnection};
pub use shared::{ClusterShared, Surroundings, UpdateEvent};
pub use tcp::{TcpConnection, TcpError, TcpPermit};
