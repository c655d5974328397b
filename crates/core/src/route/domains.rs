//! Which virtual host a request's host belongs to.

use ahash::AHashMap;
use smallvec::SmallVec;

use crate::compile::{CompileError, Result};

/// Domains of all virtual hosts: an exact one wins over the longest suffix wildcard (`*.a.test`), that over the
/// longest prefix wildcard (`a.*`), that over `*`. A wildcard stands for at least one character. One hash
/// look-up for exact names and one for each length of the wildcards.
#[derive(Default)]
pub(super) struct Domains {
    exact: AHashMap<Box<[u8]>, u32>,
    suffixes: ByLength,
    prefixes: ByLength,
    any: Option<u32>,
}

impl Domains {
    /// Adds a domain of the virtual host numbered `host`. Fails when another one has it.
    pub(super) fn add(&mut self, domain: &str, host: u32) -> Result<()> {
        let lower = domain.to_ascii_lowercase();
        let replaced = if lower == "*" {
            self.any.replace(host)
        } else if let Some(suffix) = lower.strip_prefix('*') {
            self.suffixes.insert(suffix.as_bytes(), host)
        } else if let Some(prefix) = lower.strip_suffix('*') {
            self.prefixes.insert(prefix.as_bytes(), host)
        } else {
            self.exact.insert(lower.into_bytes().into(), host)
        };
        match replaced {
            Some(_) => Err(CompileError::new(format!("the domain '{domain}' is there already"))),
            None => Ok(()),
        }
    }

    /// The virtual host of `host`; a request without a host is for `*` only when there is nothing else.
    pub(super) fn find(&self, host: Option<&[u8]>, ignore_port: bool) -> Option<u32> {
        if self.exact.is_empty() && self.suffixes.is_empty() && self.prefixes.is_empty() {
            return self.any;
        }
        let host = host?;
        let host = if ignore_port { without_port(host) } else { host };
        match host.iter().any(u8::is_ascii_uppercase) {
            false => self.find_lower(host),
            true => {
                let lower: SmallVec<[u8; 256]> = host.iter().map(u8::to_ascii_lowercase).collect();
                self.find_lower(&lower)
            }
        }
    }

    fn find_lower(&self, host: &[u8]) -> Option<u32> {
        self.exact
            .get(host)
            .copied()
            .or_else(|| self.suffixes.longest(host, |host, length| &host[host.len() - length..]))
            .or_else(|| self.prefixes.longest(host, |host, length| &host[..length]))
            .or(self.any)
    }
}

/// The fixed parts of wildcards, to be looked up by length from the longest on.
#[derive(Default)]
struct ByLength {
    hosts: AHashMap<Box<[u8]>, u32>,
    /// Descending.
    lengths: Vec<usize>,
}

impl ByLength {
    fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    fn insert(&mut self, part: &[u8], host: u32) -> Option<u32> {
        if let Err(place) = self.lengths.binary_search_by(|length| part.len().cmp(length)) {
            self.lengths.insert(place, part.len());
        }
        self.hosts.insert(part.into(), host)
    }

    fn longest(&self, host: &[u8], part: impl Fn(&[u8], usize) -> &[u8]) -> Option<u32> {
        let shorter = self.lengths.iter().filter(|&&length| length < host.len());
        shorter.into_iter().find_map(|&length| self.hosts.get(part(host, length)).copied())
    }
}

/// The host of `host:port`; brackets of an IPv6 address stay.
fn without_port(host: &[u8]) -> &[u8] {
    match port_start(host) {
        Some(colon) => &host[..colon],
        None => host,
    }
}

/// Where the colon before a decimal port is; the port may be empty.
pub(super) fn port_start(host: &[u8]) -> Option<usize> {
    let colon = memchr::memrchr(b':', host)?;
    let in_brackets = memchr::memrchr(b']', host).is_some_and(|bracket| bracket > colon);
    let is_port = host[colon + 1..].iter().all(u8::is_ascii_digit);
    (!in_brackets && is_port).then_some(colon)
}

#[cfg(test)]
mod tests {
    use super::Domains;

    const DOMAINS: &[&str] =
        &["a.test", "*.test", "*.b.test", "*-c.test", "a.*", "a.b.*", "*", "d.test:8080", "[::1]"];

    fn find(host: &str, ignore_port: bool) -> Option<&'static str> {
        let mut domains = Domains::default();
        for (number, domain) in DOMAINS.iter().enumerate() {
            assert_eq!(domains.add(domain, number as u32), Ok(()));
        }
        domains.find(Some(host.as_bytes()), ignore_port).map(|number| DOMAINS[number as usize])
    }

    #[test]
    fn exact_then_suffix_then_prefix_then_any() {
        let cases = [
            ("a.test", "a.test"),
            ("A.Test", "a.test"),
            ("x.test", "*.test"),
            (".test", "*"),
            ("x.b.test", "*.b.test"),
            (".b.test", "*.test"),
            ("x-c.test", "*-c.test"),
            ("a.x", "a.*"),
            ("a.b.x", "a.b.*"),
            ("a.b.", "a.*"),
            ("a.", "*"),
            ("a.test:80", "a.*"),
            ("d.test:8080", "d.test:8080"),
            ("", "*"),
        ];
        for (host, expected) in cases {
            assert_eq!(find(host, false), Some(expected), "{host}");
        }
    }

    #[test]
    fn ports_are_ignored_on_demand() {
        let cases = [
            ("a.test:80", "a.test"),
            ("a.test:", "a.test"),
            ("a.test:x", "a.*"),
            ("d.test:8080", "*.test"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
        ];
        for (host, expected) in cases {
            assert_eq!(find(host, true), Some(expected), "{host}");
        }
    }

    #[test]
    fn a_domain_has_one_virtual_host() {
        let mut domains = Domains::default();
        assert!(domains.add("*.A", 0).is_ok());
        assert!(domains.add("*.a", 1).is_err());
    }
}
