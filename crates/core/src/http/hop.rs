//! Headers that belong to one hop (RFC 9110 section 7.6.1).

use crate::headers::{HeaderId, Headers, Key};

/// Removes what a proxy must not forward of a request: `connection` and what it names, `keep-alive`,
/// `proxy-connection`, `transfer-encoding`, `upgrade` (kept when `upgrade` holds) and `te` unless it is
/// `trailers`.
pub fn strip_request(headers: &mut Headers, upgrade: bool) {
    strip_named(headers);
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

/// The same for a response.
pub fn strip_response(headers: &mut Headers, upgrade: bool) {
    headers.retain(|id, _, _| match id {
        HeaderId::Connection | HeaderId::Upgrade => upgrade,
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

/// Removes the headers that `connection` names, but none that a proxy itself relies on.
fn strip_named(headers: &mut Headers) {
    let Some(connection) = headers.get(HeaderId::Connection) else { return };
    let names: Vec<Vec<u8>> = connection
        .split(|&byte| byte == b',')
        .map(|name| name.trim_ascii().to_ascii_lowercase())
        .filter(|name| !name.is_empty() && !is_kept(name))
        .collect();
    for name in names {
        match HeaderId::classify(&name) {
            HeaderId::Other => headers.remove(Key::Other(&name)),
            known => headers.remove(known),
        };
    }
}

fn is_kept(name: &[u8]) -> bool {
    name.starts_with(b":")
        || matches!(
            HeaderId::classify(name),
            HeaderId::Host
                | HeaderId::Te
                | HeaderId::Upgrade
                | HeaderId::ContentLength
                | HeaderId::XForwardedFor
                | HeaderId::XForwardedHost
                | HeaderId::XForwardedProto
        )
        || matches!(name, b"close" | b"keep-alive")
}

#[cfg(test)]
mod tests {
    use super::strip_request;
    use crate::headers::{HeaderId, Headers, Key};

    fn strip(fields: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.append_raw(name.as_bytes(), value.as_bytes());
        }
        strip_request(&mut headers, false);
        headers
    }

    #[test]
    fn hop_by_hop_headers_and_those_connection_names_go() {
        let headers = strip(&[
            ("Connection", "close, X-Auth, Content-Length"),
            ("X-Auth", "secret"),
            ("Keep-Alive", "1"),
            ("Upgrade", "h2c"),
            ("Content-Length", "3"),
            ("X-Stays", "1"),
        ]);
        assert!(!headers.contains(HeaderId::Connection) && !headers.contains(HeaderId::Upgrade));
        assert!(!headers.contains(Key::Other(b"x-auth")));
        assert!(
            headers.contains(HeaderId::ContentLength) && headers.contains(Key::Other(b"x-stays"))
        );
    }

    #[test]
    fn te_keeps_only_trailers() {
        let headers = strip(&[("TE", "gzip, trailers")]);
        assert_eq!(headers.get(HeaderId::Te), Some(&b"trailers"[..]));
        assert!(!strip(&[("TE", "gzip")]).contains(HeaderId::Te));
    }
}
