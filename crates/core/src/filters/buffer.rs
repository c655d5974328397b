//! The buffer filter: a request goes on when all of it has come.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/buffer_filter>

use std::sync::Arc;

use super::bodies::{kept_request, Whole};
use super::wait::{refuse_too_large, wait_for_body};
use super::{of_route, Proceed};
use crate::headers::HeaderId;
use crate::http::downstream::Downstream;
use crate::http::stream::Stream;
use crate::http1::BodyLength;
use crate::proto;
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
    ) -> Proceed {
        let of_route: Option<Arc<BufferLimit>> = of_route(name, stream, |config| match config {
            FilterConfig::Buffer(limit) => Some(limit),
            _ => None,
        });
        let limit = of_route.as_deref().unwrap_or(&self.limit).0;
        let Some(limit) = limit.filter(|_| stream.head.body != BodyLength::Empty) else {
            return Ok(());
        };
        match wait_for_body(stream, down, timer, limit).await? {
            Whole::Yes => {
                if !stream.request.contains(HeaderId::ContentLength) {
                    let length = kept_request(stream).len().to_string();
                    stream.request.set(HeaderId::ContentLength, length.as_bytes());
                }
                Ok(())
            }
            Whole::No => Err(Some(refuse_too_large(stream))),
        }
    }
}
