//! What a matcher tree can ask of a request or a connection.

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::Value;

use super::Subject;
use crate::formatter::{find_value, FormatContext};
use crate::headers::{HeaderId, Headers};
use crate::listener::is_local;
use crate::matcher::first_decoded_value;
use crate::matcher::tree::{Input, Inputs};
use crate::proto::match_input::Kind;
use crate::tls::CertificateFacts;

impl Subject<'_> {
    fn peer(&self) -> Option<&CertificateFacts> {
        Some(&self.peer?.peer()?.facts)
    }

    /// The first value of a query parameter, decoded.
    fn query_parameter(&self, input: &Input) -> Option<Cow<'_, str>> {
        let target = self.headers?.get(HeaderId::Path)?;
        let value = first_decoded_value(target, input.path.first()?.as_bytes())?;
        Some(String::from_utf8_lossy(&value).into_owned().into())
    }
}

impl Inputs for Subject<'_> {
    fn text(&self, input: &Input) -> Option<Cow<'_, str>> {
        match input.kind {
            Kind::RequestHeader => header(self.headers?, input),
            Kind::QueryParameter => self.query_parameter(input),
            Kind::UriSan => list(&self.peer()?.names.uri),
            Kind::DnsSan => list(&self.peer()?.names.dns),
            Kind::Subject => list(std::slice::from_ref(&self.peer()?.subject)),
            Kind::SourceIp => self.address(input).map(|ip| ip.to_string().into()),
            Kind::SourceType => is_local(self.remote, self.traits.local).then_some("local".into()),
            Kind::SourcePort => self.remote.ip().map(|ip| ip.port().to_string().into()),
            Kind::FilterState => {
                self.filter_state?.get(input.path.first()?)?.as_str().map(Cow::Borrowed)
            }
            _ => self.traits.text(input),
        }
    }

    fn value(&self, input: &Input) -> Option<&Value> {
        find_value(self.dynamic_metadata?, &input.path)
    }

    fn address(&self, input: &Input) -> Option<IpAddr> {
        match input.kind {
            Kind::SourceIp => self.remote.ip().map(|address| address.ip().to_canonical()),
            _ => self.traits.address(input),
        }
    }

    fn expression_context(&self) -> Option<FormatContext<'_>> {
        self.context
    }
}

/// The values of a header or trailer as one text.
pub fn header<'a>(headers: &'a Headers, input: &Input) -> Option<Cow<'a, str>> {
    let value = headers.joined(input.header.as_ref()?.key())?;
    Some(match value {
        Cow::Borrowed(value) => String::from_utf8_lossy(value),
        Cow::Owned(value) => String::from_utf8_lossy(&value).into_owned().into(),
    })
}

/// Names as one text; none when there are none.
fn list(names: &[String]) -> Option<Cow<'_, str>> {
    match names {
        [] => None,
        [one] => (!one.is_empty()).then_some(Cow::Borrowed(one)),
        many => Some(many.join(",").into()),
    }
}
