//! One action: an entry of a descriptor, or the reason why there is no descriptor.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-ratelimit-action>

use std::net::IpAddr;

use super::descriptor::Entry;
use crate::cel::{print, Program};
use crate::compile::{each, CompileError, Result};
use crate::formatter::{find_value, LogType};
use crate::headers::{HeaderId, HeaderName};
use crate::http::stream::Stream;
use crate::matcher::{first_query_value, Cidr, HeaderMatcher, QueryMatcher, Regexes};
use crate::proto::rate_limit_action::{self, Kind};
use crate::proto::{self};
use crate::route::Action as RouteAction;

pub enum Action {
    /// The cluster of this proxy.
    SourceCluster,
    DestinationCluster,
    RequestHeader {
        name: HeaderName,
        key: String,
        optional: bool,
    },
    QueryParameter {
        name: Vec<u8>,
        key: String,
        optional: bool,
    },
    RemoteAddress,
    /// Prefix lengths of IPv4 and IPv6.
    MaskedRemoteAddress(u8, u8),
    Generic(Entry),
    Headers {
        matchers: Vec<HeaderMatcher>,
        expected: bool,
        entry: Entry,
    },
    QueryParameters {
        matchers: Vec<QueryMatcher>,
        expected: bool,
        entry: Entry,
    },
    RemoteAddressIn {
        ranges: Vec<Cidr>,
        inverted: bool,
        entry: Entry,
    },
    Metadata {
        path: Vec<String>,
        of_route: bool,
        key: String,
        default: String,
        optional: bool,
    },
    Computed {
        program: Program,
        key: String,
        optional: bool,
    },
}

/// What an action makes of a request.
pub enum Made {
    Entry(Entry),
    /// The descriptor goes without.
    Nothing,
    /// There is no descriptor.
    NoDescriptor,
}

impl Action {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::RateLimitAction, regexes: &Regexes) -> Result<Self> {
        let entry = |entry: &Option<proto::RateLimitEntry>| {
            let entry = entry.clone().unwrap_or_default();
            (entry.key, entry.value)
        };
        Ok(match &message.kind {
            Some(Kind::SourceCluster(_)) => Self::SourceCluster,
            Some(Kind::DestinationCluster(_)) => Self::DestinationCluster,
            Some(Kind::RequestHeader(named)) => Self::RequestHeader {
                name: HeaderName::new(&named.name),
                key: named.key.clone(),
                optional: named.optional,
            },
            Some(Kind::QueryParameter(named)) => Self::QueryParameter {
                name: named.name.clone().into_bytes(),
                key: named.key.clone(),
                optional: named.optional,
            },
            Some(Kind::RemoteAddress(_)) => Self::RemoteAddress,
            Some(Kind::MaskedRemoteAddress(mask)) => {
                Self::MaskedRemoteAddress(length(mask.v4, 32)?, length(mask.v6, 128)?)
            }
            Some(Kind::Generic(generic)) => {
                Self::Generic((generic.key.clone(), generic.value.clone()))
            }
            Some(Kind::Headers(m)) => Self::Headers {
                matchers: each(&m.headers, "headers", |h| HeaderMatcher::compile(h, regexes))?,
                expected: m.expected,
                entry: entry(&m.entry),
            },
            Some(Kind::QueryParameters(m)) => Self::QueryParameters {
                matchers: each(&m.parameters, "parameters", |p| QueryMatcher::compile(p, regexes))?,
                expected: m.expected,
                entry: entry(&m.entry),
            },
            Some(Kind::RemoteAddressIn(m)) => Self::RemoteAddressIn {
                ranges: each(&m.ranges, "ranges", Cidr::compile)?,
                inverted: m.inverted,
                entry: entry(&m.entry),
            },
            Some(Kind::Metadata(m)) => Self::metadata(m),
            Some(Kind::Computed(computed)) => Self::Computed {
                program: Program::compile(&computed.expression.clone().unwrap_or_default())?,
                key: computed.key.clone(),
                optional: computed.optional,
            },
            None => return Err(CompileError::new("an action is empty")),
        })
    }

    fn metadata(message: &rate_limit_action::Metadata) -> Self {
        Self::Metadata {
            path: message.path.clone(),
            of_route: message.of_route,
            key: message.key.clone(),
            default: message.default.clone(),
            optional: message.optional,
        }
    }

    pub fn make(&self, stream: &Stream) -> Made {
        let request = &stream.request;
        match self {
            Self::SourceCluster => {
                let cluster = &stream.manager.config.service_cluster;
                named("source_cluster", String::from_utf8_lossy(cluster).into_owned())
            }
            Self::DestinationCluster => match destination(stream) {
                Some(cluster) => named("destination_cluster", cluster.to_owned()),
                None => Made::NoDescriptor,
            },
            Self::RequestHeader { name, key, optional } => found(key, request.get(name), *optional),
            Self::QueryParameter { name, key, optional } => {
                let target = request.get(HeaderId::Path).unwrap_or_default();
                found(key, first_query_value(target, name), *optional)
            }
            Self::RemoteAddress => match remote(stream) {
                Some(ip) => named("remote_address", ip.to_string()),
                None => Made::NoDescriptor,
            },
            Self::MaskedRemoteAddress(v4, v6) => match remote(stream) {
                Some(ip) => named("masked_remote_address", masked(ip, *v4, *v6)),
                None => Made::NoDescriptor,
            },
            Self::Generic(entry) => Made::Entry(entry.clone()),
            Self::Headers { matchers, expected, entry } => {
                let all = matchers.iter().all(|matcher| matcher.matches(request));
                if_so(all == *expected, entry)
            }
            Self::QueryParameters { matchers, expected, entry } => {
                let target = request.get(HeaderId::Path).unwrap_or_default();
                let all = matchers.iter().all(|matcher| matcher.matches(target));
                if_so(all == *expected, entry)
            }
            Self::RemoteAddressIn { ranges, inverted, entry } => {
                let inside = remote(stream).map(|ip| ranges.iter().any(|range| range.contains(ip)));
                if_so(inside.is_some_and(|inside| inside != *inverted), entry)
            }
            Self::Metadata { path, of_route, key, default, optional } => {
                let text = metadata(path, *of_route, stream).unwrap_or(default);
                found(key, Some(text.as_bytes()).filter(|text| !text.is_empty()), *optional)
            }
            Self::Computed { program, key, optional } => {
                let value = program.evaluate(&stream.context(LogType::NotSet));
                let text = value.map(|value| {
                    let mut text = Vec::new();
                    print(&value, &mut text);
                    text
                });
                found(key, text.as_deref(), *optional)
            }
        }
    }
}

fn named(key: &str, value: String) -> Made {
    Made::Entry((key.to_owned(), value))
}

fn found(key: &str, value: Option<&[u8]>, optional: bool) -> Made {
    match value {
        Some(value) => named(key, String::from_utf8_lossy(value).into_owned()),
        None if optional => Made::Nothing,
        None => Made::NoDescriptor,
    }
}

fn if_so(so: bool, entry: &Entry) -> Made {
    match so {
        true => Made::Entry(entry.clone()),
        false => Made::NoDescriptor,
    }
}

/// A text in the metadata of the route or of the request, unless it is empty.
fn metadata<'a>(path: &[String], of_route: bool, stream: &'a Stream) -> Option<&'a str> {
    let info = &stream.info;
    let all = match of_route {
        true => info.route.as_ref().and_then(|route| route.metadata.as_deref()),
        false => info.dynamic_metadata.as_deref(),
    };
    find_value(all?, path)?.as_str().filter(|text| !text.is_empty())
}

fn destination(stream: &Stream) -> Option<&str> {
    let forwards = matches!(stream.route.as_ref()?.action, RouteAction::Forward(_));
    stream.choice.as_ref().filter(|_| forwards).map(|choice| &*choice.name)
}

fn remote(stream: &Stream) -> Option<IpAddr> {
    stream.info.remote.ip().map(|address| address.ip().to_canonical())
}

fn length(given: Option<u32>, most: u8) -> Result<u8> {
    let length = given.unwrap_or(most.into());
    let length = u8::try_from(length).ok().filter(|length| *length <= most);
    length.ok_or_else(|| CompileError::new(format!("a prefix has at most {most} bits")))
}

/// The network of an address, as `10.1.0.0/16`.
fn masked(address: IpAddr, v4: u8, v6: u8) -> String {
    match address {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(v4)).unwrap_or(0);
            format!("{}/{v4}", std::net::Ipv4Addr::from(u32::from(ip) & mask))
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(v6)).unwrap_or(0);
            format!("{}/{v6}", std::net::Ipv6Addr::from(u128::from(ip) & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{length, masked};

    #[test]
    fn addresses_are_cut_to_their_network() {
        let cut = |address: &str| masked(address.parse().unwrap(), 12, 20);
        assert_eq!(cut("10.250.3.4"), "10.240.0.0/12");
        assert_eq!(cut("2001:db8:1::1"), "2001::/20");
        assert_eq!(masked("10.1.2.3".parse().unwrap(), 0, 0), "0.0.0.0/0");
        assert_eq!(masked("10.1.2.3".parse().unwrap(), 32, 0), "10.1.2.3/32");
    }

    #[test]
    fn a_prefix_is_no_longer_than_an_address() {
        assert_eq!(length(None, 32), Ok(32));
        assert_eq!(length(Some(0), 32), Ok(0));
        assert!(length(Some(33), 32).is_err());
    }
}
