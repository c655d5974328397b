//! `tunneling_config`: asking an HTTP/1 proxy for a tunnel.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades#tunneling-tcp-over-http>

use std::future::poll_fn;
use std::io;

use super::session::Session;
use crate::compile::{At, CompileError, Result};
use crate::formatter::Formatter;
use crate::headers::{HeaderId, Headers, Side};
use crate::http::mutation::HeaderChanges;
use crate::http1::encode::{request_head, RequestStyle};
use crate::http1::response::{parse, ResponseRules};
use crate::proto;
use crate::transport::{Transport, Write};

const RULES: ResponseRules = ResponseRules {
    to_head: false,
    to_upgrade: false,
    to_connect: true,
    max_head_bytes: 60 * 1024,
    max_headers: 100,
    preserve_case: false,
};

/// How a head ends that says that no body follows.
const NO_BODY: &[u8] = b"content-length: 0\r\n\r\n";

/// Why there is no tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The proxy says no.
    Status(u16),
    /// Its answer is no HTTP.
    Invalid,
    Ended,
}

impl Refusal {
    /// Envoy's transport failure reason.
    pub fn reason(self) -> String {
        match self {
            Self::Status(status) => format!("tunnel_response:{status}"),
            Self::Invalid | Self::Ended => String::new(),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}

/// Immutable, shared by all workers.
pub struct Tunnel {
    hostname: Formatter,
    post_path: String,
    headers: HeaderChanges,
}

impl Tunnel {
    /// # Errors
    /// A host name or a header that cannot be formatted.
    pub fn compile(message: &proto::Tunnel) -> Result<Self> {
        let hostname = message.hostname.as_ref();
        let hostname = hostname.ok_or_else(|| CompileError::new("a host name is missing"))?;
        Ok(Self {
            hostname: Formatter::compile(hostname).at("hostname")?,
            post_path: message.post_path.clone(),
            headers: HeaderChanges::compile(&message.headers, &[], "headers")?,
        })
    }
}

impl Session {
    /// Asks for the tunnel. Bytes that came after the answer are returned.
    ///
    /// # Errors
    /// The proxy gives none.
    pub async fn open_tunnel(
        &mut self,
        tunnel: &Tunnel,
        transport: &mut Transport,
    ) -> std::result::Result<Vec<u8>, Refusal> {
        let head = self.tunnel_head(tunnel);
        self.info.upstream.wire_bytes_sent += head.len() as u64;
        let mut sent = 0;
        while sent < head.len() {
            let write = Write { bytes: &head[sent..], last: false };
            sent += poll_fn(|cx| transport.poll_write(cx, &write)).await?;
        }
        let mut input = Vec::with_capacity(4096);
        loop {
            input.reserve(4096);
            let read = poll_fn(|cx| transport.poll_read(cx, || &mut input)).await?;
            self.info.upstream.wire_bytes_received += read as u64;
            if read == 0 {
                return Err(Refusal::Ended);
            }
            let mut headers = Headers::new();
            match parse(&input, &RULES, &mut headers) {
                Ok(Some(head)) if (100..200).contains(&head.status) => _ = input.drain(..head.size),
                Ok(Some(head)) if (200..300).contains(&head.status) => {
                    let answered = input.split_off(head.size);
                    // They are counted where they are passed on.
                    self.info.upstream.wire_bytes_received -= answered.len() as u64;
                    return Ok(answered);
                }
                Ok(None) => {}
                Ok(Some(head)) => return Err(Refusal::Status(head.status)),
                Err(_) => return Err(Refusal::Invalid),
            }
        }
    }

    fn tunnel_head(&self, tunnel: &Tunnel) -> Vec<u8> {
        let mut host = Vec::new();
        let context = self.format_context();
        tunnel.hostname.format(&context, &mut host);
        let mut headers = Headers::new();
        match tunnel.post_path.as_str() {
            "" => headers.set(HeaderId::Method, b"CONNECT"),
            path => {
                headers.set(HeaderId::Method, b"POST");
                headers.set(HeaderId::Path, path.as_bytes());
            }
        }
        headers.set(HeaderId::Authority, &host);
        tunnel.headers.apply(&mut headers, Side::Request, |formatter, _, out| {
            formatter.format(&context, out);
        });
        let mut head = Vec::new();
        request_head(&mut head, &headers, true, RequestStyle::default());
        // The tunnel's bytes follow, whatever the method says of a body.
        if let Some(length) = head.strip_suffix(NO_BODY).map(<[u8]>::len) {
            head.truncate(length);
            head.extend_from_slice(b"\r\n");
        }
        head
    }
}
