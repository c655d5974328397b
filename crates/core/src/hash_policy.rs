//! What of a request or a connection decides its host in clusters that hash.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-routeaction-hashpolicy>

use std::borrow::Cow;
use std::io::Write;

use smallvec::SmallVec;

use crate::address::Address;
use crate::compile::{each, At, CompileError, Result};
use crate::hash::xxhash64;
use crate::headers::{HeaderId, HeaderName, Headers};
use crate::http::stream_info::StreamInfo;
use crate::matcher::{cookie_value, first_query_value, Regexes};
use crate::proto::{self, hash_policy::Kind};
use crate::route::RegexRewrite;

/// `INET6_ADDRSTRLEN`.
const LONGEST_IP: usize = 46;

/// What is hashed.
pub struct HashSubject<'a> {
    /// None: there is no request.
    pub headers: Option<&'a Headers>,
    /// The client, which a trusted proxy in front may have named.
    pub remote: &'a Address,
    /// What a cookie is made of, with the local address.
    pub cookie_remote: &'a Address,
    pub info: &'a StreamInfo,
}

/// What a cluster that hashes says of it.
#[derive(Default)]
pub struct ClusterHashPolicies {
    /// Of its load-balancing policy: they come first.
    pub of_balancer: Option<HashPolicies>,
    /// Of its protocol options, for requests: they come before those of routes.
    pub of_protocol: Option<HashPolicies>,
}

/// The policies of a route, a cluster or a TCP proxy, in their order.
pub struct HashPolicies(Box<[HashPolicy]>);

struct HashPolicy {
    method: Method,
    terminal: bool,
}

enum Method {
    Header { name: HeaderName, rewrite: Option<RegexRewrite> },
    Cookie { name: Box<[u8]>, set_cookie_end: Option<Box<[u8]>> },
    SourceIp,
    QueryParameter(Box<[u8]>),
    FilterState(Box<str>),
}

impl HashPolicies {
    /// None without a policy.
    ///
    /// # Errors
    /// A policy without a kind, or a regex that is not valid, with its path.
    pub fn compile(messages: &[proto::HashPolicy], regexes: &Regexes) -> Result<Option<Self>> {
        let policies =
            each(messages, "hash_policy", |message| HashPolicy::compile(message, regexes))?;
        Ok((!policies.is_empty()).then(|| Self(policies.into())))
    }

    /// The same as `hash`, where a load balancer asks: its cookie is made of who the client is said to be,
    /// and takes the place of earlier ones.
    pub fn balancer_hash(
        &self,
        subject: &HashSubject<'_>,
        cookies: &mut Vec<Vec<u8>>,
    ) -> Option<u64> {
        let hash = self.hash(&HashSubject { cookie_remote: subject.remote, ..*subject }, cookies);
        cookies.drain(..cookies.len().saturating_sub(1));
        hash
    }

    /// The hash of a request; none when it has nothing that a policy asks for. Each Set-Cookie value that
    /// its client is to get is added to `cookies`.
    pub fn hash(&self, subject: &HashSubject<'_>, cookies: &mut Vec<Vec<u8>>) -> Option<u64> {
        let mut hash: Option<u64> = None;
        for policy in &self.0 {
            if let Some(new) = policy.method.hash(subject, cookies) {
                // Turned, so that the same value twice does not cancel itself out.
                hash = Some(hash.unwrap_or(0).rotate_left(1) ^ new);
            }
            if policy.terminal && hash.is_some() {
                break;
            }
        }
        hash
    }
}

impl HashPolicy {
    fn compile(message: &proto::HashPolicy, regexes: &Regexes) -> Result<Self> {
        let kind = message.kind.as_ref();
        let kind = kind.ok_or_else(|| CompileError::new("a hash policy needs a kind"))?;
        let method = match kind {
            Kind::Header(header) => Method::Header {
                name: HeaderName::new(&header.name),
                rewrite: header
                    .rewrite
                    .as_ref()
                    .map(|rewrite| RegexRewrite::compile(rewrite, regexes))
                    .transpose()
                    .at("header.rewrite")?,
            },
            Kind::Cookie(cookie) => Method::Cookie {
                name: cookie.name.as_bytes().into(),
                set_cookie_end: cookie.set_cookie_end.as_ref().map(|end| end.as_bytes().into()),
            },
            Kind::SourceIp(_) => Method::SourceIp,
            Kind::QueryParameter(name) => Method::QueryParameter(name.as_bytes().into()),
            Kind::FilterState(key) => Method::FilterState(key.as_str().into()),
        };
        Ok(Self { method, terminal: message.terminal })
    }
}

impl Method {
    fn hash(&self, subject: &HashSubject<'_>, cookies: &mut Vec<Vec<u8>>) -> Option<u64> {
        match self {
            Self::Header { name, rewrite } => header_hash(subject.headers?, name, rewrite.as_ref()),
            Self::Cookie { name, set_cookie_end } => {
                let value = subject.headers.and_then(|headers| cookie_value(headers, name));
                match (value.filter(|value| !value.is_empty()), set_cookie_end) {
                    (Some(value), _) => Some(xxhash64(value, 0)),
                    (None, Some(end)) => Some(give_cookie(name, end, subject, cookies)),
                    (None, None) => None,
                }
            }
            Self::SourceIp => ip_hash(subject.remote),
            Self::QueryParameter(name) => {
                let target = subject.headers?.get(HeaderId::Path)?;
                Some(xxhash64(first_query_value(target, name)?, 0))
            }
            Self::FilterState(key) => subject.info.hash(key),
        }
    }
}

/// All values of the header, whatever their order.
fn header_hash(
    headers: &Headers,
    name: &HeaderName,
    rewrite: Option<&RegexRewrite>,
) -> Option<u64> {
    let values = headers.get_all(name.key());
    let mut values: SmallVec<[Cow<'_, [u8]>; 4]> = match rewrite {
        None => values.map(Cow::Borrowed).collect(),
        Some(rewrite) => values.map(|value| rewrite.replace_all(value).into()).collect(),
    };
    values.sort_unstable();
    (!values.is_empty()).then(|| values.iter().fold(0, |hash, value| xxhash64(value, hash)))
}

/// The hash of the address alone, as text.
fn ip_hash(address: &Address) -> Option<u64> {
    let mut text = [0; LONGEST_IP];
    let mut rest = &mut text[..];
    write!(rest, "{}", address.ip()?.ip()).ok()?;
    let length = LONGEST_IP - rest.len();
    Some(xxhash64(&text[..length], 0))
}

/// Makes the cookie's value of the two ends of the connection: requests that race for the first cookie get
/// the same.
fn give_cookie(
    name: &[u8],
    end: &[u8],
    subject: &HashSubject<'_>,
    cookies: &mut Vec<Vec<u8>>,
) -> u64 {
    let ends = format!("{}{}", subject.cookie_remote, subject.info.connection.local);
    let value = format!("{:016x}", xxhash64(ends.as_bytes(), 0));
    cookies.push([name, b"=\"", value.as_bytes(), b"\"", end].concat());
    xxhash64(value.as_bytes(), 0)
}

#[cfg(test)]
mod tests;
