//! The name of a host with its port: what a cache knows it by.

use std::fmt::{self, Write};
use std::net::IpAddr;

use smallvec::SmallVec;

use crate::http::manager::request::split_port;

/// `a.test:80` or `[::1]:80`. Names that differ in case are different ones, as in Envoy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    text: SmallVec<[u8; 64]>,
}

impl HostName {
    /// Of what follows `Host:`; none when that is empty.
    pub fn new(authority: &str, default_port: u16) -> Option<Self> {
        if authority.is_empty() {
            return None;
        }
        let mut name = Self { text: SmallVec::from_slice(authority.as_bytes()) };
        if port(authority).is_none() {
            let _ = write!(name, ":{default_port}");
        }
        Some(name)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// What is resolved, and the port of its addresses.
    pub fn parts(&self) -> (&str, u16) {
        let text = self.as_str();
        let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let literal = inner.filter(|inner| inner.parse::<IpAddr>().is_ok());
        (literal.unwrap_or(host), port(text).unwrap_or(0))
    }
}

impl Write for HostName {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn port(authority: &str) -> Option<u16> {
    let (_, port) = split_port(authority.as_bytes());
    std::str::from_utf8(port?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::HostName;

    fn named(authority: &str) -> String {
        HostName::new(authority, 80).unwrap().as_str().to_owned()
    }

    #[test]
    fn a_name_has_a_port() {
        assert_eq!(named("a.test"), "a.test:80");
        assert_eq!(named("a.test:8080"), "a.test:8080");
        assert_eq!(named("[::1]"), "[::1]:80");
        assert_eq!(named("[::1]:1"), "[::1]:1");
        assert_eq!(named("a.test:99999"), "a.test:99999:80");
        assert_eq!(HostName::new("", 80), None);
    }

    #[test]
    fn brackets_are_no_part_of_an_address() {
        let parts = |authority: &str| {
            let name = HostName::new(authority, 443).unwrap();
            let (host, port) = name.parts();
            (host.to_owned(), port)
        };
        assert_eq!(parts("[::1]"), ("::1".into(), 443));
        assert_eq!(parts("127.0.0.1:80"), ("127.0.0.1".into(), 80));
        assert_eq!(parts("[a]:80"), ("[a]".into(), 80));
        assert_eq!(parts("a.test:0"), ("a.test".into(), 0));
    }
}
