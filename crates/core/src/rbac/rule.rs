//! One permission or principal.

use serde_json::Value;

use super::Subject;
use crate::address::Address;
use crate::compile::{each, At, CompileError, Result};
use crate::headers::{HeaderId, Headers};
use crate::matcher::{Cidr, HeaderMatcher, MetadataMatcher, Regexes, StringMatcher};
use crate::proto::rbac_rule::{self, Kind};
use crate::proto::{self};

pub enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Any(bool),
    Header(HeaderMatcher),
    UrlPath(StringMatcher),
    DestinationIp(Cidr),
    /// The first port, and the one after the last.
    DestinationPort(i64, i64),
    Metadata {
        matcher: MetadataMatcher,
        of_route: bool,
    },
    ServerName(StringMatcher),
    /// By a certificate, with a name in it if one is asked for.
    Authenticated(Option<StringMatcher>),
    ConnectionIp(Cidr),
    DirectIp(Cidr),
    RemoteIp(Cidr),
    FilterState {
        key: String,
        text: StateMatcher,
    },
}

pub enum StateMatcher {
    Text(StringMatcher),
    Ranges { ranges: Vec<Cidr>, invert: bool },
}

impl Rule {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::RbacRule, regexes: &Regexes) -> Result<Self> {
        let all =
            |set: &rbac_rule::Rules| each(&set.rules, "rules", |rule| Self::compile(rule, regexes));
        let string = |message: &proto::StringMatch| StringMatcher::compile(message, regexes);
        Ok(match &message.kind {
            Some(Kind::And(set)) => Self::And(all(set).at("and")?),
            Some(Kind::Or(set)) => Self::Or(all(set).at("or")?),
            Some(Kind::Not(inner)) => Self::Not(Box::new(Self::compile(inner, regexes).at("not")?)),
            Some(Kind::Any(any)) => Self::Any(*any),
            Some(Kind::Header(header)) => Self::Header(HeaderMatcher::compile(header, regexes)?),
            Some(Kind::UrlPath(path)) => Self::UrlPath(string(path).at("url_path")?),
            Some(Kind::DestinationIp(cidr)) => Self::DestinationIp(Cidr::compile(cidr)?),
            Some(Kind::DestinationPort(range)) => Self::DestinationPort(range.start, range.end),
            Some(Kind::Metadata(metadata)) => Self::metadata(metadata, regexes).at("metadata")?,
            Some(Kind::RequestedServerName(name)) => {
                Self::ServerName(string(name).at("requested_server_name")?)
            }
            Some(Kind::Authenticated(authenticated)) => {
                let name = authenticated.principal_name.as_ref().map(string).transpose();
                Self::Authenticated(name.at("authenticated")?)
            }
            Some(Kind::ConnectionIp(cidr)) => Self::ConnectionIp(Cidr::compile(cidr)?),
            Some(Kind::DirectRemoteIp(cidr)) => Self::DirectIp(Cidr::compile(cidr)?),
            Some(Kind::RemoteIp(cidr)) => Self::RemoteIp(Cidr::compile(cidr)?),
            Some(Kind::FilterState(state)) => Self::FilterState {
                key: state.key.clone(),
                text: StateMatcher::compile(state, regexes).at("filter_state")?,
            },
            None => return Err(CompileError::new("a rule is empty")),
        })
    }

    fn metadata(message: &rbac_rule::Metadata, regexes: &Regexes) -> Result<Self> {
        let matcher = message.matcher.clone().unwrap_or_default();
        Ok(Self::Metadata {
            matcher: MetadataMatcher::compile(&matcher, regexes)?,
            of_route: message.of_route,
        })
    }

    pub fn holds(&self, subject: &Subject<'_>) -> bool {
        let traits = &subject.traits;
        match self {
            Self::And(all) => all.iter().all(|rule| rule.holds(subject)),
            Self::Or(all) => all.iter().any(|rule| rule.holds(subject)),
            Self::Not(inner) => !inner.holds(subject),
            Self::Any(any) => *any,
            Self::Header(matcher) => match subject.headers {
                Some(headers) => matcher.matches(headers),
                None => matcher.matches(&Headers::new()),
            },
            Self::UrlPath(matcher) => {
                let path = subject.headers.and_then(|headers| headers.get(HeaderId::Path));
                path.is_some_and(|path| matcher.matches(without_query(path)))
            }
            Self::DestinationIp(range) => contains(range, traits.local),
            Self::DestinationPort(start, end) => {
                let port = traits.local.ip().map(|ip| i64::from(ip.port()));
                port.is_some_and(|port| (*start..*end).contains(&port))
            }
            Self::Metadata { matcher, of_route } => matcher.matches(match of_route {
                true => subject.route_metadata,
                false => subject.dynamic_metadata,
            }),
            Self::ServerName(matcher) => matcher.matches(traits.server_name.as_bytes()),
            Self::Authenticated(name) => match (subject.peer, name) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(peer), Some(name)) => peer.principals().any(|n| name.matches(n.as_bytes())),
            },
            Self::ConnectionIp(range) => contains(range, traits.remote),
            Self::DirectIp(range) => contains(range, traits.direct),
            Self::RemoteIp(range) => contains(range, subject.remote),
            Self::FilterState { key, text } => {
                let state = subject.filter_state.and_then(|state| state.get(key));
                state.is_some_and(|value| text.matches(value))
            }
        }
    }
}

impl StateMatcher {
    fn compile(message: &rbac_rule::FilterState, regexes: &Regexes) -> Result<Self> {
        match &message.kind {
            Some(rbac_rule::filter_state::Kind::String(string)) => {
                StringMatcher::compile(string, regexes).map(Self::Text)
            }
            Some(rbac_rule::filter_state::Kind::Ranges(cidrs)) => Ok(Self::Ranges {
                ranges: each(&cidrs.ranges, "ranges", Cidr::compile)?,
                invert: message.invert,
            }),
            None => Err(CompileError::new("a filter state matcher compares with nothing")),
        }
    }

    fn matches(&self, value: &Value) -> bool {
        let Some(text) = value.as_str() else { return false };
        match self {
            Self::Text(matcher) => matcher.matches(text.as_bytes()),
            Self::Ranges { ranges, invert } => {
                let ip = text.parse().ok().or_else(|| {
                    text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip())
                });
                ip.is_some_and(|ip| ranges.iter().any(|range| range.contains(ip)) != *invert)
            }
        }
    }
}

fn contains(range: &Cidr, address: &Address) -> bool {
    address.ip().is_some_and(|address| range.contains(address.ip()))
}

/// A path without its query and fragment.
fn without_query(path: &[u8]) -> &[u8] {
    &path[..memchr::memchr2(b'?', b'#', path).unwrap_or(path.len())]
}
