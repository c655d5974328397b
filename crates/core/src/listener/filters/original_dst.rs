//! envoy.filters.listener.original_dst: the address to which a redirected connection went.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/original_dst_filter>

use serde_json::Value;

use super::{OnAccept, Subject};
use crate::address::Address;

/// Where connections to internal listeners say to which address they went: in metadata, else in filter state.
const METADATA: &str = "envoy.filters.listener.original_dst";
const LOCAL: &str = "envoy.filters.listener.original_dst.local_ip";
const REMOTE: &str = "envoy.filters.listener.original_dst.remote_ip";

pub struct OriginalDst;

impl OriginalDst {
    pub fn accept(&self, subject: &mut Subject) -> OnAccept {
        let original = match subject.local {
            Address::Internal(_) => told(subject),
            Address::Ip(_) | Address::Pipe(_) => subject.transport.original_destination(),
        };
        if let Some(original) = original {
            restore(subject, original);
        }
        OnAccept::Continue
    }
}

/// The address that came with a connection to an internal listener; the client's is taken, if it came as well.
fn told(subject: &mut Subject) -> Option<Address> {
    if let Some(remote) = subject.state.text(REMOTE).and_then(parse) {
        let before = std::mem::replace(&mut subject.remote, remote);
        subject.inspected.direct_remote.get_or_insert(before);
    }
    let metadata = subject.state.dynamic_metadata.as_ref();
    match metadata.and_then(|all| all.get(METADATA)) {
        Some(metadata) => metadata.get("local").and_then(Value::as_str).and_then(parse),
        None => subject.state.text(LOCAL).and_then(parse),
    }
}

fn parse(text: &str) -> Option<Address> {
    text.parse().ok().map(Address::Ip)
}

/// Makes `local` the address on this side, if it is another than the socket's.
pub fn restore(subject: &mut Subject, local: Address) {
    if local != subject.local {
        let before = std::mem::replace(&mut subject.local, local);
        subject.inspected.direct_local.get_or_insert(before);
    }
}
