//! Headers that belong to one hop (RFC 9110 section 7.6.1).

use crate::headers::{HeaderId, Headers, Key};

/// Removes the headers that `connection` names, but none that a proxy itself deals with.
pub fn strip_named(headers: &mut Headers) {
    let Some(connection) = headers.joined(Key::Known(HeaderId::Connection)) else { return };
    let names: Vec<Vec<u8>> = connection
        .split(|&byte| byte == b',')
        .map(|name| name.trim_ascii().to_ascii_lowercase())
        .filter(|name| !name.is_empty() && !is_kept(name))
        .collect();
    for name in names {
        match HeaderId::classify(&name) {
            HeaderId::Other => headers.remove(Key::Other(&name)),
            HeaderId::Host => headers.remove(HeaderId::Authority),
            known => headers.remove(known),
        };
    }
}

fn is_kept(name: &[u8]) -> bool {
    matches!(name, b"close" | b"keep-alive")
        || matches!(
            HeaderId::classify(name),
            HeaderId::Connection | HeaderId::Te | HeaderId::Upgrade | HeaderId::Http2Settings
        )
}

/// Removes what a proxy must not forward of a request: `connection`, `keep-alive`, `proxy-connection`,
/// `transfer-encoding`, `upgrade` (kept when `upgrade` holds) and `te` unless it is `trailers`.
pub fn strip_request(headers: &mut Headers, upgrade: bool) {
    let keep_te = headers.get(HeaderId::Te).is_some_and(|te| {
        te.split(|&b| b == b',').any(|t| t.trim_ascii().eq_ignore_ascii_case(b"trailers"))
    });
    headers.retain(|id, _, _| match id {
        HeaderId::Connection | HeaderId::Upgrade => upgrade,
        HeaderId::Te => keep_te,
        id => !is_hop(id),
    });
    if keep_te {
        headers.set(HeaderId::Te, b"trailers");
    }
}

/// The same for a response, of which the codec leaves `keep-alive` out.
pub fn strip_response(headers: &mut Headers, upgrade: bool) {
    headers.retain(|id, _, _| match id {
        HeaderId::Connection | HeaderId::Upgrade => upgrade,
        HeaderId::KeepAlive => true,
        id => !is_hop(id),
    });
}

fn is_hop(id: HeaderId) -> bool {
    matches!(
        id,
        HeaderId::KeepAlive
            | HeaderId::ProxyConnection
            | HeaderId::TransferEncoding
            | HeaderId::Http2Settings
    )
}

#[cfg(test)]
mod tests {
    use super::{strip_named, strip_request};
    use crate::headers::{HeaderId, Headers, Key};

    fn strip(fields: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.append_raw(name.as_bytes(), value.as_bytes());
        }
        strip_named(&mut headers);
        strip_request(&mut headers, false);
        headers
    }

    #[test]
    fn hop_by_hop_headers_and_those_connection_names_go() {
        let headers = strip(&[
            ("Connection", "close, X-Auth, Content-Length"),
            ("Connection", "X-More"),
            ("X-Auth", "secret"),
            ("X-More", "secret"),
            ("Keep-Alive", "1"),
            ("Upgrade", "h2c"),
            ("Content-Length", "3"),
            ("X-Stays", "1"),
        ]);
        let names: Vec<&[u8]> = headers.iter().map(|(_, name, _)| name).collect();
        assert_eq!(names, [b"x-stays"]);
        assert!(headers.contains(Key::Other(b"x-stays")));
    }

    #[test]
    fn te_keeps_only_trailers() {
        let headers = strip(&[("TE", "gzip, trailers"), ("Connection", "TE")]);
        assert_eq!(headers.get(HeaderId::Te), Some(&b"trailers"[..]));
        assert!(!strip(&[("TE", "gzip")]).contains(HeaderId::Te));
    }
}
