//! What Istio's filters share: who is at the other end, the exchange of that, the standard metrics.

mod baggage;
mod exchange;
pub mod metrics;
mod peer;

pub use exchange::{Exchange, MetadataExchange};
pub use peer::{Found, Labels, Peer, PeerCache, Peers};
