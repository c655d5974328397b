//! Rewriting the host of a request.

use super::path_match::without_query;
use super::regex_rewrite::RegexRewrite;
use super::Format;
use crate::compile::{At, Result};
use crate::formatter::Formatter;
use crate::headers::{HeaderId, HeaderName, Headers, Side};
use crate::matcher::Regexes;
use crate::proto;

/// Where a route's host comes from.
pub(super) enum HostRewrite {
    Literal(Box<[u8]>),
    Header(HeaderName),
    PathRegex(RegexRewrite),
    /// The name of the upstream host, once it is chosen.
    Auto,
    Format(Formatter),
}

impl HostRewrite {
    pub(super) fn compile(message: &proto::RouteAction, regexes: &Regexes) -> Result<Option<Self>> {
        use proto::route_action::HostRewrite as Kind;
        Ok(match &message.host_rewrite {
            None | Some(Kind::AutoHost(false)) => None,
            Some(Kind::HostLiteral(text)) => Some(Self::Literal(text.as_bytes().into())),
            Some(Kind::HostHeader(name)) => Some(Self::Header(HeaderName::new(name))),
            Some(Kind::HostPathRegex(regex)) => {
                Some(Self::PathRegex(RegexRewrite::compile(regex, regexes).at("host_path_regex")?))
            }
            Some(Kind::AutoHost(true)) => Some(Self::Auto),
            Some(Kind::HostFormat(format)) => {
                Some(Self::Format(Formatter::compile(format).at("host_format")?))
            }
        })
    }

    /// The new host; `None` or empty leaves the host as it is.
    pub(super) fn new_host(&self, request: &Headers, format: &Format<'_>) -> Option<Vec<u8>> {
        match self {
            Self::Literal(text) => Some(text.to_vec()),
            Self::Header(name) => request.get(name).map(<[u8]>::to_vec),
            Self::PathRegex(regex) => {
                request.get(HeaderId::Path).map(|target| regex.replace_all(without_query(target)))
            }
            Self::Auto => None,
            Self::Format(formatter) => {
                let mut out = Vec::new();
                format.request(formatter, request, &mut out);
                Some(out)
            }
        }
    }
}

/// Replaces `:authority`: the one before goes to x-envoy-original-host (`keep_original`) and to the end of
/// x-forwarded-host (`append_forwarded`). An empty `host` changes nothing.
pub(super) fn set_authority(
    request: &mut Headers,
    host: &[u8],
    append_forwarded: bool,
    keep_original: bool,
) {
    if host.is_empty() {
        return;
    }
    let old = request.get(HeaderId::Authority).map(<[u8]>::to_vec).filter(|old| !old.is_empty());
    if let Some(old) = old {
        if keep_original {
            request.set(HeaderId::XEnvoyOriginalHost, &old);
        }
        if append_forwarded {
            request.add(Side::Request, HeaderId::XForwardedHost, &old);
        }
    }
    request.set(HeaderId::Authority, host);
}
