//! What Istio's filters share: who is at the other end, the exchange of that, the standard metrics.

mod baggage;
mod exchange;
pub mod metrics;
mod peer;
mod peers;

pub use exchange::{Exchange, MetadataExchange};
pub use peer::{Labels, Peer};
pub use peers::{Found, PeerCache, Peers};
