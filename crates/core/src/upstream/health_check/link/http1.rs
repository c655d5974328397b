//! Checks over HTTP/1.

use std::future::poll_fn;
use std::task::{ready, Context, Poll};

use super::{write_all, NoResponse, Response};
use crate::body::{BodyEvent, ReadError};
use crate::buffer::Buffer;
use crate::headers::{HeaderId, Headers};
use crate::http1::encode::{request_head, RequestStyle};
use crate::http1::response::{parse, ResponseRules};
use crate::http1::{BodyDecoder, Reader};
use crate::transport::Transport;
use crate::upstream::{watch, ClusterConfig};

/// Read of a response before it is looked at.
const READ: usize = 16 * 1024;

pub struct Http1Link {
    transport: Transport,
    reader: Reader,
    rules: ResponseRules,
    /// The connection ends with this response.
    closes: bool,
}

impl Http1Link {
    pub fn new(transport: Transport, config: &ClusterConfig) -> Self {
        Self {
            transport,
            reader: Reader::of_responses(Buffer::new(), READ),
            rules: ResponseRules {
                to_head: false,
                to_upgrade: false,
                to_connect: false,
                max_head_bytes: config.max_response_headers_bytes,
                max_headers: config.max_response_headers_count,
                preserve_case: false,
            },
            closes: false,
        }
    }

    /// True when the connection may carry another request.
    ///
    /// # Errors
    /// There is no whole response.
    pub async fn exchange(
        &mut self,
        (request, body, response): (&Headers, &[u8], &mut Response),
    ) -> Result<bool, NoResponse> {
        let mut out = Vec::with_capacity(256);
        request_head(&mut out, request, body.is_empty(), RequestStyle::default());
        out.extend_from_slice(body);
        write_all(&mut self.transport, &out).await?;
        self.rules.to_head = request.get(HeaderId::Method) == Some(b"HEAD");
        poll_fn(|cx| self.poll_response(cx, response)).await?;
        Ok(!self.closes && !self.reader.at_end && self.reader.bytes().is_empty())
    }

    fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
        response: &mut Response,
    ) -> Poll<Result<(), NoResponse>> {
        while response.is_interim() {
            if self.take_head(response)? {
                continue;
            }
            match ready!(self.reader.poll_fill(&mut self.transport, cx)) {
                Ok(0) | Err(_) if self.reader.bytes().is_empty() => {
                    return Poll::Ready(Err(NoResponse::Connection));
                }
                // A head without an end is as bad as one that is malformed.
                Ok(0) | Err(_) => return Poll::Ready(Err(NoResponse::Protocol)),
                Ok(_) => {}
            }
        }
        loop {
            match ready!(self.reader.poll_body(&mut self.transport, cx)) {
                Ok(BodyEvent::Data(count)) => {
                    response.keep(&self.reader.bytes()[..count]);
                    self.reader.took(count);
                }
                Ok(BodyEvent::End) => return Poll::Ready(Ok(())),
                Err(ReadError::Io(_)) => return Poll::Ready(Err(NoResponse::Connection)),
                Err(_) => return Poll::Ready(Err(NoResponse::Protocol)),
            }
        }
    }

    /// Takes a head that has come whole.
    fn take_head(&mut self, response: &mut Response) -> Result<bool, NoResponse> {
        let mut headers = Headers::new();
        let parsed = parse(self.reader.bytes(), &self.rules, &mut headers);
        let Some(head) = parsed.map_err(|_| NoResponse::Protocol)? else { return Ok(false) };
        self.reader.buffer.consume(head.size);
        self.reader.decoder =
            BodyDecoder::new(head.body, self.rules.max_head_bytes, self.rules.max_headers);
        self.closes = !head.keep_alive;
        response.set_head(headers);
        Ok(true)
    }

    pub fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match watch::poll_ending(&self.transport, cx) {
            Some(_) => Poll::Ready(()),
            None => Poll::Pending,
        }
    }
}
