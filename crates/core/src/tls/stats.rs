//! Counting handshakes (`listener.ADDRESS.ssl.*`, `cluster.NAME.ssl.*`).

use rustls::SignatureScheme;

use super::info::Handshake;
use super::names;
use super::notes::Staple;
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

/// Counts what became of a client's wish for an OCSP response.
pub fn count_staple(block: &Block, staple: Staple) {
    block.inc(SslStat::SslOcspStapleRequests);
    block.inc(match staple {
        Staple::Sent => SslStat::SslOcspStapleResponses,
        Staple::Omitted => SslStat::SslOcspStapleOmitted,
        Staple::Refused => SslStat::SslOcspStapleFailed,
    });
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
