//! One request on an HTTP/1 connection to an upstream.

use std::io;
use std::task::{ready, Context, Poll};

use super::super::failure::Failure;
use crate::body::{BodyEvent, BodySink, BodySource, ReadError};
use crate::headers::{Headers, Side};
use crate::http::manager::header_case;
use crate::http::stream::Stream;
use crate::http1::encode::{request_head, sent_field_bytes, HeaderCase, RequestStyle};
use crate::http1::response::{self, ResponseHead, ResponseRules};
use crate::http1::{BodyDecoder, BodyLength, Reader, Writer};
use crate::proto::ClusterStat;
use crate::upstream::{ClosedBy, Cluster, PooledConnection};

pub struct Http1Wire {
    /// None once the exchange is over.
    pooled: Option<PooledConnection>,
    reader: Reader,
    writer: Writer,
    style: RequestStyle,
    rules: ResponseRules,
    pub(super) trailers: bool,
    /// Bytes written that were counted.
    counted: u64,
    /// The client has ended its side of a tunnel; `Some(true)`: the upstream was told.
    ended: Option<bool>,
}

impl Http1Wire {
    pub fn new(stream: &Stream, cluster: &Cluster, mut pooled: PooledConnection) -> Self {
        let config = cluster.config();
        let http1 = &config.http1;
        let style = RequestStyle {
            case: header_case(Some(http1)),
            full_url: http1.send_fully_qualified_url,
            tunnel: stream.head.is_tunnel(),
        };
        let rules = ResponseRules {
            to_head: stream.head.is_head,
            to_upgrade: stream.head.upgrade,
            to_connect: stream.head.is_connect,
            max_head_bytes: config.max_response_headers_bytes,
            max_headers: config.max_response_headers_count,
            preserve_case: style.case == HeaderCase::Preserve,
        };
        Self {
            reader: Reader::of_responses(
                std::mem::take(&mut pooled.buffer),
                config.per_connection_buffer_limit,
            ),
            writer: Writer::with_storage(),
            pooled: Some(pooled),
            style,
            rules,
            trailers: http1.enable_trailers,
            counted: 0,
            ended: None,
        }
    }

    pub fn send_head(&mut self, request: &Headers, end: bool) -> u64 {
        self.writer.encoding = request_head(&mut self.writer.output, request, end, self.style);
        sent_field_bytes(&self.writer.output)
    }

    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        response: &mut Headers,
    ) -> Poll<Result<ResponseHead, Failure>> {
        loop {
            if !self.reader.bytes().is_empty() {
                match self.take_head(response) {
                    Ok(None) => {}
                    Ok(Some(head)) => return Poll::Ready(Ok(head)),
                    Err(failure) => return Poll::Ready(Err(failure)),
                }
            }
            let Some(pooled) = self.pooled.as_mut() else {
                return Poll::Ready(Err(Failure::Terminated));
            };
            match ready!(self.reader.poll_fill(&mut pooled.transport, cx)) {
                Ok(0) | Err(_) if self.reader.bytes().is_empty() => {
                    return Poll::Ready(Err(Failure::Terminated));
                }
                // A head without an end is as bad as one that is malformed.
                Ok(0) | Err(_) => return Poll::Ready(Err(Failure::Protocol)),
                Ok(_) => {}
            }
        }
    }

    fn take_head(&mut self, headers: &mut Headers) -> Result<Option<ResponseHead>, Failure> {
        headers.clear();
        let rules = &self.rules;
        let parsed = response::parse(self.reader.bytes(), rules, headers);
        let Some(head) = parsed.map_err(|_| Failure::Protocol)? else { return Ok(None) };
        headers.join_singles(Side::Response);
        self.reader.buffer.consume(head.size);
        self.reader.decoder = BodyDecoder::new(head.body, rules.max_head_bytes, rules.max_headers);
        Ok(Some(head))
    }

    pub fn stop_sending(&mut self) {
        self.writer = Writer::default();
        self.counted = 0;
    }

    pub fn written(&self) -> u64 {
        self.writer.total
    }

    pub fn take_traffic(&mut self) -> (u64, u64) {
        let written = self.writer.total - self.counted;
        self.counted = self.writer.total;
        self.note_buffered(0);
        (written, std::mem::take(&mut self.reader.received))
    }

    /// Tells the stats what is in the buffers now, and `unsent` bytes that only their source holds.
    fn note_buffered(&mut self, unsent: usize) {
        if let Some(pooled) = &mut self.pooled {
            pooled.buffered.set(self.reader.buffered, self.writer.waiting() + unsent);
        }
    }

    pub fn body_read(&self) -> u64 {
        self.reader.total
    }

    pub fn unread(&self) -> u64 {
        self.reader.bytes().len() as u64
    }

    pub fn ended_by(&self) -> ClosedBy {
        match (self.reader.at_end, self.reader.failed) {
            // Of a CONNECT Envoy reads the end of the upstream's side, and then closes itself.
            (true, false) if self.rules.to_connect => ClosedBy::Local,
            (true, _) => ClosedBy::Remote,
            (false, _) => ClosedBy::Local,
        }
    }

    pub fn take_trailers(&mut self) -> Headers {
        std::mem::take(&mut self.reader.trailers)
    }

    pub fn case(&self) -> HeaderCase {
        self.style.case
    }

    /// Gives the connection back when it can carry another request, else closes it.
    pub fn release(&mut self, head: &ResponseHead, sent: bool) {
        let Some(mut pooled) = self.pooled.take() else { return };
        if !self.reader.bytes().is_empty() {
            pooled.count(ClusterStat::ClusterUpstreamCxProtocolError);
        }
        let reusable = head.keep_alive && sent && self.reader.bytes().is_empty();
        pooled.buffer = std::mem::take(&mut self.reader.buffer);
        pooled.buffer.release();
        match (head.body == BodyLength::UntilClose, sent) {
            (true, _) => pooled.close(ClosedBy::Remote, !sent),
            (false, true) => pooled.release(reusable),
            (false, false) => pooled.close(ClosedBy::Local, true),
        }
    }

    pub fn abort(&mut self, by: ClosedBy) {
        if let Some(pooled) = self.pooled.take() {
            pooled.close(by, true);
        }
    }
}

impl BodySource for Http1Wire {
    fn poll_read_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, ReadError>> {
        match &mut self.pooled {
            Some(pooled) => self.reader.poll_body(&mut pooled.transport, cx),
            None => Poll::Ready(Err(ReadError::Truncated)),
        }
    }

    fn body_bytes(&self) -> &[u8] {
        self.reader.bytes()
    }

    fn took(&mut self, count: usize) {
        self.reader.took(count);
    }

    fn trailers(&self) -> &Headers {
        &self.reader.trailers
    }
}

impl BodySink for Http1Wire {
    fn poll_write_body(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(pooled) = &mut self.pooled else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let written = self.writer.poll_body(&mut pooled.transport, cx, bytes);
        if written.is_pending() {
            self.note_buffered(bytes.len());
        }
        written
    }

    fn finish(&mut self, trailers: Option<&Headers>, case: HeaderCase) {
        self.writer.finish(trailers, case);
        if self.style.tunnel {
            self.ended.get_or_insert(false);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(pooled) = &mut self.pooled else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        ready!(self.writer.poll_flush(&mut pooled.transport, cx))?;
        if self.ended == Some(false) {
            ready!(pooled.transport.poll_shutdown(cx))?;
            self.ended = Some(true);
        }
        Poll::Ready(Ok(()))
    }
}
