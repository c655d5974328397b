//! What the filters for gRPC share: names of methods, their stats, message frames.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::headers::{HeaderId, Headers};
use crate::http::stream::Stream;
use crate::route::is_grpc;
use crate::stats::{Family, Group, SINGLE};
use crate::upstream::Cluster;

/// The five bytes before each message: flags and length.
/// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests>
pub const FRAME_HEADER: usize = 5;

/// The front of a message of `length` bytes that is not compressed.
pub fn frame_header(length: usize) -> [u8; FRAME_HEADER] {
    frame_header_with(0, length)
}

pub fn frame_header_with(flags: u8, length: usize) -> [u8; FRAME_HEADER] {
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [flags, length[0], length[1], length[2], length[3]]
}

/// The service and the method of a path.
pub fn service_and_method(path: &[u8]) -> Option<(&str, &str)> {
    let path = path.split(|&byte| byte == b'?').next()?;
    let mut parts = std::str::from_utf8(path).ok()?.split('/').filter(|part| !part.is_empty());
    let names = (parts.next()?, parts.next()?);
    parts.next().is_none().then_some(names)
}

/// Whether the head of a response is one of gRPC; `end`: no body follows.
pub fn is_grpc_response(stream: &Stream, end: bool) -> bool {
    match end {
        true => stream.response.contains(HeaderId::GrpcStatus),
        false => stream.info.response_code == 200 && is_grpc(&stream.response),
    }
}

const STATUSES: usize = 17;
/// Places in [`METHOD`]; the codes of gRPC come first.
const SUCCESS: usize = STATUSES;
const FAILURE: usize = STATUSES + 1;
const TOTAL: usize = STATUSES + 2;
pub const REQUEST_MESSAGES: usize = STATUSES + 3;
pub const RESPONSE_MESSAGES: usize = STATUSES + 4;

/// `cluster.NAME.grpc.SERVICE.METHOD.*`.
/// <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_stats_filter>
static METHOD: Family = Family {
    counters: &[
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
        "10",
        "11",
        "12",
        "13",
        "14",
        "15",
        "16",
        "success",
        "failure",
        "total",
        "request_message_count",
        "response_message_count",
    ],
    histograms: &["upstream_rq_time"],
};

/// The stats of one method in one cluster.
pub struct MethodStats {
    cluster: Rc<Cluster>,
    name: String,
    group: OnceCell<Option<Arc<Group>>>,
}

impl MethodStats {
    /// Counts under `name`, such as `grpc.SERVICE.METHOD`.
    pub fn new(cluster: Rc<Cluster>, name: String) -> Self {
        Self { cluster, name, group: OnceCell::new() }
    }

    /// Counts under `protocol`.SERVICE.METHOD, in the cluster that the request is to go to.
    pub fn of_request(stream: &Stream, protocol: &str) -> Option<Self> {
        let cluster = stream.cluster.clone()?;
        let (service, method) = service_and_method(stream.request.get(HeaderId::Path)?)?;
        Some(Self::new(cluster, format!("{protocol}.{service}.{method}")))
    }

    fn group(&self) -> Option<&Group> {
        let find = || self.cluster.block().group(&METHOD, &self.name);
        self.group.get_or_init(find).as_deref()
    }

    pub fn add(&self, place: usize, by: u64) {
        if let Some(group) = self.group() {
            group.add(place, by);
        }
    }

    /// Records the milliseconds that the upstream took.
    pub fn record_time(&self, took: u64) {
        if let Some(group) = self.group() {
            group.record(0, took);
        }
    }

    /// Counts the status in headers or trailers, if there is one.
    pub fn charge_status(&self, headers: &Headers) {
        let Some(status) = headers.get(HeaderId::GrpcStatus) else { return };
        let known = METHOD.counters[..STATUSES].iter().position(|code| code.as_bytes() == status);
        match known {
            Some(place) => self.add(place, 1),
            None if status.is_empty() => {}
            None => {
                let name = format!("{}.{}", self.name, String::from_utf8_lossy(status));
                if let Some(group) = self.cluster.block().group(&SINGLE, &name) {
                    group.add(0, 1);
                }
            }
        }
        self.add(if status == b"0" { SUCCESS } else { FAILURE }, 1);
        self.add(TOTAL, 1);
    }
}

/// Counts the messages of a body by their fronts.
#[derive(Default)]
pub struct FrameCounter {
    pub count: u64,
    /// Bytes of the front of the present message that have come.
    front: usize,
    length: u32,
    /// Bytes of the present message that are still to come.
    left: u32,
}

impl FrameCounter {
    /// How many messages begin in `bytes`, which come next.
    pub fn inspect(&mut self, mut bytes: &[u8]) -> u64 {
        let before = self.count;
        while !bytes.is_empty() {
            if self.left > 0 {
                let skipped = bytes.len().min(self.left as usize);
                self.left -= skipped as u32;
                bytes = &bytes[skipped..];
                continue;
            }
            match self.front {
                0 => {
                    self.count += 1;
                    self.length = 0;
                }
                _ => self.length = self.length << 8 | u32::from(bytes[0]),
            }
            self.front += 1;
            bytes = &bytes[1..];
            if self.front == FRAME_HEADER {
                self.front = 0;
                self.left = self.length;
            }
        }
        self.count - before
    }
}

#[cfg(test)]
mod tests {
    use super::{frame_header, service_and_method, FrameCounter};

    #[test]
    fn only_two_parts_name_a_method() {
        assert_eq!(service_and_method(b"/a.B/C?x=/y"), Some(("a.B", "C")));
        assert_eq!(service_and_method(b"//a//b/"), Some(("a", "b")));
        assert_eq!(service_and_method(b"/a"), None);
        assert_eq!(service_and_method(b"/a/b/c"), None);
        assert_eq!(service_and_method(b"/a/\xff"), None);
    }

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        let mut body = Vec::new();
        for length in [0usize, 3, 300] {
            body.extend_from_slice(&frame_header(length));
            body.extend(std::iter::repeat_n(7, length));
        }
        for size in [1, 2, 4, 7, 1000] {
            let mut counter = FrameCounter::default();
            let counted: u64 = body.chunks(size).map(|piece| counter.inspect(piece)).sum();
            assert_eq!((counted, counter.count), (3, 3), "pieces of {size}");
        }
        let mut counter = FrameCounter::default();
        assert_eq!(counter.inspect(&[0]), 1);
    }
}
