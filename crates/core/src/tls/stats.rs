//! Counting handshakes (`listener.ADDRESS.ssl.*`, `cluster.NAME.ssl.*`).

use rustls::SignatureScheme;

use super::info::Handshake;
use super::names;
use crate::proto::SslStat;
use crate::stats::Block;

/// What a handshake agreed on, by counter.
pub struct Agreed {
    pub cipher: Option<SslStat>,
    pub group: Option<SslStat>,
    pub version: Option<SslStat>,
    /// What the peer signed with, if it did.
    pub scheme: Option<SignatureScheme>,
}

pub fn count(block: &Block, handshake: &Handshake, agreed: &Agreed) {
    block.inc(SslStat::SslHandshake);
    if handshake.resumed {
        block.inc(SslStat::SslSessionReused);
    }
    if handshake.peer.is_none() {
        block.inc(SslStat::SslNoCertificate);
    }
    let scheme = agreed.scheme.and_then(names::scheme_stat);
    for stat in [agreed.cipher, agreed.group, agreed.version, scheme].into_iter().flatten() {
        block.inc(stat);
    }
}
