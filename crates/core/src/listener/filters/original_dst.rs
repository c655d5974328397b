//! envoy.filters.listener.original_dst: the address to which a redirected connection went.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/original_dst_filter>

use super::{OnAccept, Subject};
use crate::address::Address;

pub struct OriginalDst;

impl OriginalDst {
    pub fn accept(&self, subject: &mut Subject) -> OnAccept {
        if let Some(original) = subject.transport.original_destination() {
            restore(subject, original);
        }
        OnAccept::Continue
    }
}

/// Makes `local` the address on this side, if it is another than the socket's.
pub fn restore(subject: &mut Subject, local: Address) {
    if local != subject.local {
        let before = std::mem::replace(&mut subject.local, local);
        subject.inspected.direct_local.get_or_insert(before);
    }
}
