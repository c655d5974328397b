//! What a matcher tree can ask of a request and its response, as far as they have come.

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::Value;

use crate::formatter::FormatContext;
use crate::headers::{HeaderId, Headers};
use crate::matcher::tree::{Input, Inputs};
use crate::proto::match_input::Kind;
use crate::rbac::{header, Subject};

/// A request and its response. What has not come is none.
pub struct Exchange<'a> {
    pub subject: Subject<'a>,
    pub request_trailers: Option<&'a Headers>,
    pub response: Option<&'a Headers>,
    pub response_trailers: Option<&'a Headers>,
    /// The response is the proxy's own.
    pub is_local: bool,
}

impl<'a> Exchange<'a> {
    /// Of a request without a response.
    pub fn of_request(subject: Subject<'a>) -> Self {
        Self {
            subject,
            request_trailers: None,
            response: None,
            response_trailers: None,
            is_local: false,
        }
    }

    /// Where the header or trailer of an input is.
    fn headers(&self, kind: Kind) -> Option<&'a Headers> {
        match kind {
            Kind::RequestTrailer => self.request_trailers,
            Kind::ResponseTrailer => self.response_trailers,
            Kind::ResponseHeader | Kind::StatusCode | Kind::StatusCodeClass | Kind::LocalReply => {
                self.response
            }
            _ => self.subject.headers,
        }
    }

    fn status(&self) -> Option<&'a str> {
        std::str::from_utf8(self.response?.get(HeaderId::Status)?).ok()
    }
}

impl Inputs for Exchange<'_> {
    fn text(&self, input: &Input) -> Option<Cow<'_, str>> {
        match input.kind {
            Kind::RequestTrailer | Kind::ResponseHeader | Kind::ResponseTrailer => {
                header(self.headers(input.kind)?, input)
            }
            Kind::StatusCode => self.status().map(Cow::Borrowed),
            Kind::StatusCodeClass => {
                let class = self.status()?.get(..1)?;
                Some(format!("{class}xx").into())
            }
            Kind::LocalReply => Some(Cow::Borrowed(if self.is_local { "true" } else { "false" })),
            _ => self.subject.text(input),
        }
    }

    fn value(&self, input: &Input) -> Option<&Value> {
        self.subject.value(input)
    }

    fn address(&self, input: &Input) -> Option<IpAddr> {
        self.subject.address(input)
    }

    fn expression_context(&self) -> Option<FormatContext<'_>> {
        let (response, trailers) = (self.response, self.response_trailers);
        Some(FormatContext { response, trailers, ..self.subject.context? })
    }

    fn is_known(&self, input: &Input) -> bool {
        match input.kind {
            Kind::RequestHeader
            | Kind::QueryParameter
            | Kind::RequestTrailer
            | Kind::ResponseHeader
            | Kind::ResponseTrailer
            | Kind::StatusCode
            | Kind::StatusCodeClass
            | Kind::LocalReply => self.headers(input.kind).is_some(),
            _ => true,
        }
    }
}
