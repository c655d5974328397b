//! Limits of the `connection` header of requests, as Envoy has them.

use crate::headers::{HeaderId, Headers, Key};

/// `connection` may name no more than this.
const MOST_NAMES: usize = 9;
/// The longest `te` that may be named.
const LONGEST_TE: usize = 255;

/// Whether what `connection` names may be removed: not what proxies rely on, and not too much.
pub fn is_sound(headers: &Headers) -> bool {
    let Some(connection) = headers.joined(Key::Known(HeaderId::Connection)) else { return true };
    let mut names = connection.split(|&byte| byte == b',').filter(|name| !name.is_empty());
    let count = names.clone().count();
    count <= MOST_NAMES
        && names.all(|name| {
            let name = name.trim_ascii().to_ascii_lowercase();
            match HeaderId::classify(&name) {
                HeaderId::XForwardedFor | HeaderId::XForwardedHost | HeaderId::XForwardedProto => {
                    false
                }
                HeaderId::Te => {
                    headers.get(HeaderId::Te).is_none_or(|value| value.len() <= LONGEST_TE)
                }
                _ => name.first() != Some(&b':'),
            }
        })
}

/// Whether a head names a protocol to switch to.
pub fn is_upgrade(headers: &Headers) -> bool {
    let named = headers.get(HeaderId::Connection).is_some_and(|connection| {
        let mut tokens = connection.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        tokens.any(|token| token.eq_ignore_ascii_case(b"upgrade"))
    });
    named && headers.contains(HeaderId::Upgrade)
}

#[cfg(test)]
mod tests {
    use super::{is_sound, is_upgrade};
    use crate::headers::{HeaderId, Headers};

    #[test]
    fn what_proxies_rely_on_is_not_to_be_named() {
        let nine = "a,b,c,d,e,f,g,h,i";
        let long = "x".repeat(256);
        for (connection, te, sound) in [
            ("close", "", true),
            (nine, "", true),
            (&format!("{nine},j"), "", false),
            ("X-Forwarded-For", "", false),
            ("a, x-forwarded-proto", "", false),
            (":path", "", false),
            ("te", "trailers", true),
            ("te", &long, false),
        ] {
            let mut headers = Headers::new();
            headers.append(HeaderId::Connection, connection.as_bytes());
            headers.append(HeaderId::Te, te.as_bytes());
            assert_eq!(is_sound(&headers), sound, "{connection}");
        }
    }

    #[test]
    fn an_upgrade_is_named_in_both_headers() {
        let mut headers = Headers::new();
        headers.append(HeaderId::Connection, b"keep-alive, Upgrade");
        assert!(!is_upgrade(&headers));
        headers.append(HeaderId::Upgrade, b"x");
        assert!(is_upgrade(&headers));
    }
}
