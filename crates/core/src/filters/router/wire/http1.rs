//! One request on an HTTP/1 connection to an upstream.

use std::task::{ready, Context, Poll};

use super::super::failure::Failure;
use super::channel::{Carrier, Channel};
use crate::headers::{Headers, Side};
use crate::http::manager::header_case;
use crate::http::stream::Stream;
use crate::http1::encode::{request_head, sent_field_bytes, HeaderCase, RequestStyle};
use crate::http1::response::{self, ResponseHead, ResponseRules};
use crate::http1::{BodyDecoder, BodyLength, Reader};
use crate::proto::ClusterStat;
use crate::transport::Transport;
use crate::upstream::{ClosedBy, Cluster, PooledConnection};

impl Carrier for PooledConnection {
    fn transport(&mut self) -> &mut Transport {
        &mut self.transport
    }

    fn note_buffered(&mut self, read: usize, unsent: usize) {
        self.buffered.set(read, unsent);
    }
}

pub struct Http1Wire {
    pub(super) channel: Channel<PooledConnection>,
    style: RequestStyle,
    rules: ResponseRules,
    pub(super) trailers: bool,
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
        let buffer = std::mem::take(&mut pooled.buffer);
        let reader = Reader::of_responses(buffer, config.per_connection_buffer_limit);
        Self {
            channel: Channel::new(pooled, reader, style.tunnel),
            style,
            rules,
            trailers: http1.enable_trailers,
        }
    }

    pub fn send_head(&mut self, request: &Headers, end: bool) -> u64 {
        self.channel.writer.encoding =
            request_head(&mut self.channel.writer.output, request, end, self.style);
        sent_field_bytes(&self.channel.writer.output)
    }

    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        response: &mut Headers,
    ) -> Poll<Result<ResponseHead, Failure>> {
        loop {
            if !self.channel.reader.bytes().is_empty() {
                match self.take_head(response) {
                    Ok(None) => {}
                    Ok(Some(head)) => return Poll::Ready(Ok(head)),
                    Err(failure) => return Poll::Ready(Err(failure)),
                }
            }
            let Some(pooled) = self.channel.carrier.as_mut() else {
                return Poll::Ready(Err(Failure::Terminated));
            };
            match ready!(self.channel.reader.poll_fill(&mut pooled.transport, cx)) {
                Ok(0) | Err(_) if self.channel.reader.bytes().is_empty() => {
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
        let parsed = response::parse(self.channel.reader.bytes(), rules, headers);
        let Some(head) = parsed.map_err(|_| Failure::Protocol)? else { return Ok(None) };
        headers.join_singles(Side::Response);
        self.channel.reader.buffer.consume(head.size);
        self.channel.reader.decoder =
            BodyDecoder::new(head.body, rules.max_head_bytes, rules.max_headers);
        Ok(Some(head))
    }

    pub fn unread(&self) -> u64 {
        self.channel.reader.bytes().len() as u64
    }

    pub fn ended_by(&self) -> ClosedBy {
        match (self.channel.reader.at_end, self.channel.reader.failed) {
            // Of a CONNECT Envoy reads the end of the upstream's side, and then closes itself.
            (true, false) if self.rules.to_connect => ClosedBy::Local,
            (true, _) => ClosedBy::Remote,
            (false, _) => ClosedBy::Local,
        }
    }

    pub fn take_trailers(&mut self) -> Headers {
        std::mem::take(&mut self.channel.reader.trailers)
    }

    pub fn case(&self) -> HeaderCase {
        self.style.case
    }

    /// Gives the connection back when it can carry another request, else closes it.
    pub fn release(&mut self, head: &ResponseHead, sent: bool) {
        let Some(mut pooled) = self.channel.carrier.take() else { return };
        if !self.channel.reader.bytes().is_empty() {
            pooled.count(ClusterStat::ClusterUpstreamCxProtocolError);
        }
        let reusable = head.keep_alive && sent && self.channel.reader.bytes().is_empty();
        pooled.buffer = std::mem::take(&mut self.channel.reader.buffer);
        pooled.buffer.release();
        match (head.body == BodyLength::UntilClose, sent) {
            (true, _) => pooled.close(ClosedBy::Remote, !sent),
            (false, true) => pooled.release(reusable),
            (false, false) => pooled.close(ClosedBy::Local, true),
        }
    }

    pub fn abort(&mut self, by: ClosedBy) {
        if let Some(pooled) = self.channel.carrier.take() {
            pooled.close(by, true);
        }
    }
}
