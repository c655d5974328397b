//! Answers that the route itself gives: redirects and direct responses.

use std::borrow::Cow;

use super::path_match::PathMatch;
use super::path_rewrite::PathRewrite;
use super::Format;
use crate::compile::Result;
use crate::formatter::{FormatContext, LogType};
use crate::headers::{HeaderId, Headers};
use crate::http::body_format::BodyFormat;
use crate::http::stream_info::StreamInfo;
use crate::matcher::Regexes;
use crate::proto;
use crate::proto::redirect::Path;

/// `envoy.config.route.v3.RedirectAction`.
pub struct Redirect {
    pub status: u16,
    scheme: Option<Box<str>>,
    host: Option<Box<str>>,
    port: Option<u32>,
    path: Option<Box<str>>,
    rewrite: Option<PathRewrite>,
    strip_query: bool,
}

impl Redirect {
    pub(super) fn compile(message: &proto::Redirect, regexes: &Regexes) -> Result<Self> {
        let text = |text: &str| (!text.is_empty()).then(|| Box::from(text));
        let (path, rewrite) = match &message.path {
            None => (None, None),
            Some(Path::PathRedirect(path)) => (text(path), None),
            Some(Path::PrefixRewrite(prefix)) => (None, PathRewrite::prefix(prefix)),
            Some(Path::RegexRewrite(regex)) => (None, Some(PathRewrite::regex(regex, regexes)?)),
        };
        let scheme = text(&message.scheme_redirect);
        Ok(Self {
            status: u16::try_from(message.status).unwrap_or(301),
            scheme: scheme.or_else(|| message.https_redirect.then(|| "https".into())),
            host: text(&message.host_redirect),
            port: (message.port_redirect != 0).then_some(message.port_redirect),
            path,
            rewrite,
            strip_query: message.strip_query,
        })
    }

    /// Where the client is to go. Rewrites the path of the request where the redirect does so, as logs show it.
    pub(super) fn location(
        &self,
        request: &mut Headers,
        matched: &PathMatch,
        format: &Format<'_>,
        keep_original: bool,
    ) -> Vec<u8> {
        if let Some(rewrite) = &self.rewrite {
            rewrite.apply(request, matched, keep_original, format);
        }
        let old_scheme = scheme_of(request);
        let scheme = self.scheme.as_deref().map_or(old_scheme, str::as_bytes);
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let host = match &self.host {
            Some(host) => host.as_bytes(),
            None => request_host(request, old_scheme, scheme, !port.is_empty()),
        };
        let path = self.new_path(request.get(HeaderId::Path).unwrap_or(b"/"));
        location(scheme, &[host, port.as_bytes()].concat(), &path)
    }

    fn new_path<'a>(&'a self, target: &'a [u8]) -> Cow<'a, [u8]> {
        let query_start = memchr::memchr(b'?', target).unwrap_or(target.len());
        let query = if self.strip_query { b"" } else { &target[query_start..] };
        match &self.path {
            Some(path) if path.contains('?') => Cow::Borrowed(path.as_bytes()),
            Some(path) => Cow::Owned([path.as_bytes(), query].concat()),
            None if self.strip_query => Cow::Borrowed(&target[..query_start]),
            None => Cow::Borrowed(target),
        }
    }
}

fn location(scheme: &[u8], host: &[u8], path: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if path.starts_with(b"/") { b"" } else { b"/" };
    [scheme, b"://", host, slash, path].concat()
}

/// The location of a redirect to https, which a virtual host may ask for.
pub(super) fn tls_location(request: &Headers) -> Vec<u8> {
    let part = |id| request.get(id).unwrap_or(b"");
    [b"https://", part(HeaderId::Authority), part(HeaderId::Path)].concat()
}

fn scheme_of(request: &Headers) -> &[u8] {
    let known = request.get(HeaderId::Scheme).or_else(|| request.get(HeaderId::XForwardedProto));
    known.unwrap_or(b"http")
}

/// The host of the request; without its port when there is a new one, or when it is the default of the scheme
/// that changes.
fn request_host<'a>(request: &'a Headers, old: &[u8], new: &[u8], new_port: bool) -> &'a [u8] {
    let host = request.get(HeaderId::Authority).unwrap_or(b"");
    let colon = match host.first() {
        Some(b'[') => memchr::memmem::rfind(host, b"]:").map(|bracket| bracket + 1),
        _ => memchr::memrchr(b':', host),
    };
    let Some(colon) = colon else { return host };
    let default_port =
        matches!((old, &host[colon..]), (b"http", b":80") | (b"https", b":443")) && old != new;
    match new_port || default_port {
        true => &host[..colon],
        false => host,
    }
}

/// `envoy.config.route.v3.DirectResponseAction`.
pub struct DirectResponse {
    pub status: u16,
    body: Box<[u8]>,
    body_format: Option<BodyFormat>,
}

impl DirectResponse {
    pub(super) fn compile(message: &proto::DirectResponse) -> Result<Self> {
        Ok(Self {
            status: u16::try_from(message.status).unwrap_or(500),
            body: message.body.clone().into(),
            body_format: message.body_format.as_ref().map(BodyFormat::compile).transpose()?,
        })
    }

    /// The body, and its content type if a format gives one. There is no status yet where the format asks for it,
    /// as in Envoy.
    pub fn body(&self, request: &Headers, info: &StreamInfo) -> (Vec<u8>, Option<&[u8]>) {
        let Some(format) = &self.body_format else { return (self.body.to_vec(), None) };
        let context = FormatContext {
            info,
            request: Some(request),
            response: None,
            trailers: None,
            local_reply_body: &self.body,
            log_type: LogType::NotSet,
        };
        (format.format(&context), Some(format.content_type()))
    }

    /// The `location` of the answer: that of the request itself, for status 201 and 3xx.
    pub(super) fn location(&self, request: &Headers) -> Option<Vec<u8>> {
        if self.status != 201 && !(300..400).contains(&self.status) {
            return None;
        }
        let path = request.get(HeaderId::Path)?;
        Some(location(scheme_of(request), request.get(HeaderId::Authority).unwrap_or(b""), path))
    }
}
