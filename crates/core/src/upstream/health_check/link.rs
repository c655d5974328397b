//! A connection that the checks of one host go over, one after the other.

mod http1;
mod http2;
mod tcp;

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::target::Target;
use crate::headers::{HeaderId, Headers, Side};
use crate::transport::{Transport, Write};

pub use http1::Http1Link;
pub use http2::Http2Link;
pub use tcp::TcpLink;

pub enum Link {
    Tcp(TcpLink),
    Http1(Http1Link),
    Http2(Http2Link),
}

/// Why there is no response.
pub enum NoResponse {
    /// There is no connection, or it ended before the response.
    Connection,
    /// The host does not speak as it should.
    Protocol,
}

/// A response, as far as its body is looked at.
#[derive(Default)]
pub struct Response {
    pub headers: Headers,
    pub status: u16,
    pub body: Vec<u8>,
    pub trailers: Headers,
    /// How much of the body is kept.
    pub limit: usize,
}

impl Response {
    fn keep(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.body.len());
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn set_head(&mut self, mut headers: Headers) {
        headers.join_singles(Side::Response);
        self.status = headers.get_str(HeaderId::Status).and_then(|it| it.parse().ok()).unwrap_or(0);
        self.headers = headers;
    }

    fn is_interim(&self) -> bool {
        self.status < 200
    }
}

impl Link {
    /// Ready when it can be used no longer.
    pub fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(link) => link.poll_ended(cx),
            Self::Http1(link) => link.poll_ended(cx),
            Self::Http2(link) => link.poll_ended(cx),
        }
    }
}

/// Sends a request on `link`, a new one if there is none, and reads the response, of whose body `limit` bytes are
/// kept. Afterwards there is a link only if it may be used again.
///
/// # Errors
/// There was no connection, or no whole response; a fault of the host is counted.
pub async fn exchange(
    target: &Target<'_>,
    link: &mut Option<Link>,
    http2: bool,
    request: (&Headers, &[u8]),
    limit: usize,
) -> Result<Response, NoResponse> {
    let response = try_exchange(target, link, http2, request, limit).await;
    if let Err(NoResponse::Protocol) = response {
        target.count_protocol_error();
    }
    response
}

async fn try_exchange(
    target: &Target<'_>,
    link: &mut Option<Link>,
    http2: bool,
    (request, body): (&Headers, &[u8]),
    limit: usize,
) -> Result<Response, NoResponse> {
    let mut used = match link.take() {
        Some(link) => link,
        None => Box::pin(open(target, http2)).await?,
    };
    let mut response = Response { limit, ..Response::default() };
    let lasts = match &mut used {
        Link::Tcp(_) => return Err(NoResponse::Connection),
        Link::Http1(http1) => http1.exchange((request, body, &mut response)).await?,
        Link::Http2(http2) => http2.exchange((request, body, &mut response)).await?,
    };
    if lasts && target.check.settings.reuse_connection {
        *link = Some(used);
    }
    Ok(response)
}

async fn open(target: &Target<'_>, http2: bool) -> Result<Link, NoResponse> {
    let opened = target.connect().await.map_err(|_| NoResponse::Connection)?;
    let config = &target.shared.config;
    Ok(match config.http2.as_ref().filter(|_| http2) {
        Some(http2) => Link::Http2(Http2Link::new(opened.transport, &http2.engine)),
        None => Link::Http1(Http1Link::new(opened.transport, config)),
    })
}

pub async fn write_all(transport: &mut Transport, mut bytes: &[u8]) -> Result<(), NoResponse> {
    while !bytes.is_empty() {
        let write = Write { bytes, last: false };
        let written = poll_fn(|cx| transport.poll_write(cx, &write)).await;
        bytes = &bytes[written.map_err(|_| NoResponse::Connection)?..];
    }
    Ok(())
}
