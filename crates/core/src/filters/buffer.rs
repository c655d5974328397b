//! The buffer filter: a request goes on when all of it has come.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/buffer_filter>

use std::sync::Arc;
use std::task::{Context, Poll};

use super::bodies::{self, poll_whole_request, request_too_large, Whole};
use super::of_route;
use super::router::Failure;
use super::wait::{give_up, wait};
use crate::body::ReadError;
use crate::clock;
use crate::headers::HeaderId;
use crate::http::downstream::Downstream;
use crate::http::stream::{Answer, Stream};
use crate::http1::BodyLength;
use crate::proto::{self, HttpStat};
use crate::route::FilterConfig;
use crate::timer::Timer;

pub struct Buffer {
    limit: BufferLimit,
}

/// How many bytes a request may have; none: it is not kept.
pub struct BufferLimit(Option<usize>);

impl BufferLimit {
    pub fn compile(message: &proto::BufferFilter) -> Self {
        Self(message.max_request_bytes.map(|limit| limit as usize))
    }
}

impl Buffer {
    pub fn compile(message: &proto::BufferFilter) -> Self {
        Self { limit: BufferLimit::compile(message) }
    }

    /// # Errors
    /// The request is over: with an answer, if there is still somebody to tell.
    pub async fn run(
        &self,
        name: &str,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Result<(), Option<Answer>> {
        let of_route: Option<Arc<BufferLimit>> = of_route(name, stream, |config| match config {
            FilterConfig::Buffer(limit) => Some(limit),
            _ => None,
        });
        let limit = of_route.as_deref().unwrap_or(&self.limit).0;
        let Some(limit) = limit.filter(|_| stream.head.body != BodyLength::Empty) else {
            return Ok(());
        };
        let poll = |cx: &mut Context<'_>, stream: &mut Stream, down: &mut dyn Downstream| {
            poll_all(cx, stream, down, limit)
        };
        match wait(stream, down, timer, None, poll).await? {
            Some(Ok(Whole::Yes)) | None => {
                if !stream.request.contains(HeaderId::ContentLength) {
                    let length = bodies::request_length(stream).to_string();
                    stream.request.set(HeaderId::ContentLength, length.as_bytes());
                }
                Ok(())
            }
            Some(Ok(Whole::No)) => {
                stream.manager.block.inc(HttpStat::HttpDownstreamRqTooLarge);
                Err(Some(request_too_large()))
            }
            Some(Err(ReadError::Answered(answer))) => Err(Some(*answer)),
            Some(Err(ReadError::Codec(error))) => {
                stream.manager.block.inc(HttpStat::HttpDownstreamCxProtocolError);
                stream.close = true;
                Err(give_up(stream, &Failure::ClientBody(error)))
            }
            Some(Err(_)) => Err(give_up(stream, &Failure::ClientGone)),
        }
    }
}

fn poll_all(
    cx: &mut Context<'_>,
    stream: &mut Stream,
    down: &mut dyn Downstream,
    limit: usize,
) -> Poll<Result<Whole, ReadError>> {
    let before = stream.info.bytes_received;
    let polled = poll_whole_request(cx, down, stream, limit);
    if stream.info.bytes_received > before {
        stream.last_activity = clock::now();
    }
    polled
}
