//! What a matcher tree can ask of a request or a connection.

use std::borrow::Cow;
use std::net::IpAddr;

use super::Subject;
use crate::formatter::{find_value, FormatContext};
use crate::matcher::tree::{Input, Inputs};
use crate::proto::match_input::Kind;
use crate::tls::CertificateFacts;

impl Subject<'_> {
    fn peer(&self) -> Option<&CertificateFacts> {
        Some(&self.peer?.peer()?.facts)
    }

    fn header(&self, input: &Input) -> Option<Cow<'_, str>> {
        let value = self.headers?.joined(input.header.as_ref()?.key())?;
        Some(match value {
            Cow::Borrowed(value) => String::from_utf8_lossy(value),
            Cow::Owned(value) => String::from_utf8_lossy(&value).into_owned().into(),
        })
    }
}

impl Inputs for Subject<'_> {
    fn text(&self, input: &Input) -> Option<Cow<'_, str>> {
        match input.kind {
            Kind::RequestHeader => self.header(input),
            Kind::UriSan => list(&self.peer()?.names.uri),
            Kind::DnsSan => list(&self.peer()?.names.dns),
            Kind::Subject => list(std::slice::from_ref(&self.peer()?.subject)),
            Kind::SourceIp => self.address(input).map(|ip| ip.to_string().into()),
            Kind::SourcePort => self.remote.ip().map(|ip| ip.port().to_string().into()),
            Kind::DynamicMetadata => {
                find_value(self.dynamic_metadata?, &input.path)?.as_str().map(Cow::Borrowed)
            }
            Kind::FilterState => {
                self.filter_state?.get(input.path.first()?)?.as_str().map(Cow::Borrowed)
            }
            _ => self.traits.text(input),
        }
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

/// Names as one text; none when there are none.
fn list(names: &[String]) -> Option<Cow<'_, str>> {
    match names {
        [] => None,
        [one] => (!one.is_empty()).then_some(Cow::Borrowed(one)),
        many => Some(many.join(",").into()),
    }
}
