//! What messages to services of other kinds have in common: addresses, times, and text that is text.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::address::Address;
use crate::headers::{HeaderId, Headers};
use crate::proto::service::{self, address::Kind};

pub fn address(address: &Address) -> service::Address {
    let kind = match address {
        Address::Ip(ip) => Kind::SocketAddress(service::SocketAddress {
            address: ip.ip().to_string(),
            port_value: Some(ip.port().into()),
        }),
        Address::Pipe(path) => Kind::Pipe(service::Pipe { path: path.display().to_string() }),
        Address::Internal(internal) => Kind::EnvoyInternalAddress(service::InternalAddress {
            server_listener_name: internal.listener.to_string(),
            endpoint_id: internal.endpoint_id.to_string(),
        }),
    };
    service::Address { kind: Some(kind) }
}

pub fn timestamp(time: SystemTime) -> service::Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    service::Timestamp { seconds: since.as_secs() as i64, nanos: since.subsec_nanos() as i32 }
}

/// The value of a header; empty without one.
pub fn header(headers: &Headers, id: HeaderId) -> String {
    text(headers.get(id).unwrap_or_default()).into_owned()
}

/// Text; as in Envoy, `!` stands for each byte that is none.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '!'));
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn text_that_is_none_is_marked() {
        assert_eq!(text(b"a\xff\xfeb\xc3"), "a!!b!");
        assert_eq!(text("\u{fc}".as_bytes()), "\u{fc}");
    }
}
