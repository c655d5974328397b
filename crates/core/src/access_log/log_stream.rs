//! Entries on a stream of `envoy.service.accesslog.v3.AccessLogService`.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/accesslog/v3/als.proto>

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use crate::compile::{At, Result};
use crate::filters::router::client::{GrpcClient, GrpcStream};
use crate::proto::{self, LogServiceStat};
use crate::stats::Block;
use crate::telemetry::batch::{Batch, Receiver};
use crate::telemetry::pause::Pause;
use crate::worker::Worker;

const METHOD: &str = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";

/// Fields of StreamAccessLogsMessage.
const IDENTIFIER: u32 = 1;
const HTTP_LOGS: u32 = 2;
const TCP_LOGS: u32 = 3;

/// Of the entries in both kinds of logs.
pub const LOG_ENTRY: u32 = 1;

pub struct LogStream {
    client: GrpcClient,
    identifier: Vec<u8>,
    logs: u32,
}

impl LogStream {
    /// # Errors
    /// A client that cannot be.
    pub fn compile(message: &proto::grpc_access_log::Stream) -> Result<Self> {
        let service = message.service.clone().unwrap_or_default();
        Ok(Self {
            client: GrpcClient::compile(&service).at("service")?,
            identifier: message.identifier.clone(),
            logs: if message.tcp { TCP_LOGS } else { HTTP_LOGS },
        })
    }

    pub fn receiver(
        self: &Arc<Self>,
        worker: &Rc<Worker>,
        block: &Arc<Block>,
    ) -> Box<dyn Receiver> {
        Box::new(Sending {
            stream: self.clone(),
            worker: Rc::downgrade(worker),
            block: block.clone(),
            open: RefCell::default(),
            pause: Rc::default(),
        })
    }

    fn message(&self, batch: &Batch, first: bool) -> Vec<u8> {
        let mut message = Vec::with_capacity(batch.bytes.len() + 16);
        if first {
            prost::encoding::bytes::encode(IDENTIFIER, &self.identifier, &mut message);
        }
        prost::encoding::bytes::encode(self.logs, &batch.bytes, &mut message);
        message
    }
}

/// The stream of one worker, opened with the first batch and again after it broke.
struct Sending {
    stream: Arc<LogStream>,
    worker: Weak<Worker>,
    block: Arc<Block>,
    open: RefCell<Option<GrpcStream>>,
    pause: Rc<Pause>,
}

impl Sending {
    fn open(&self, worker: &Rc<Worker>) -> Option<GrpcStream> {
        let (block, pause, random) =
            (self.block.clone(), self.pause.clone(), worker.random.clone());
        let delivery = worker.deliveries.begin();
        self.stream.client.open(worker, METHOD, move |lost| {
            block.add(LogServiceStat::LogServiceLogsDropped, lost);
            match lost {
                0 => pause.did_well(),
                _ => pause.failed(&random),
            }
            drop(delivery);
        })
    }
}

impl Receiver for Sending {
    fn send(&self, batch: Batch) -> std::result::Result<(), Batch> {
        let Some(worker) = self.worker.upgrade() else { return Err(batch) };
        let mut open = self.open.borrow_mut();
        let first = open.as_ref().is_none_or(|stream| !stream.is_open());
        if first {
            *open = if self.pause.is_over() { self.open(&worker) } else { None };
        }
        let slow = open.as_ref().is_none_or(GrpcStream::is_slow);
        let Some(stream) = open.as_ref().filter(|_| !slow) else {
            self.block.add(LogServiceStat::LogServiceGrpcEntriesFlushFailed, batch.items);
            return Err(batch);
        };
        stream.send(&self.stream.message(&batch, first), batch.items);
        self.block.add(LogServiceStat::LogServiceGrpcEntriesFlushed, batch.items);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::LogStream;
    use crate::proto::grpc_access_log::Stream;
    use crate::telemetry::batch::Batch;

    #[test]
    fn the_first_message_says_who_sends_it() {
        let batch = Batch { bytes: b"e".to_vec(), items: 1 };
        let stream = |tcp| Stream { identifier: b"i".to_vec(), tcp, ..Default::default() };
        let http = LogStream::compile(&stream(false)).unwrap();
        assert_eq!(http.message(&batch, true), [10, 1, b'i', 18, 1, b'e']);
        let tcp = LogStream::compile(&stream(true)).unwrap();
        assert_eq!(tcp.message(&batch, false), [26, 1, b'e']);
    }
}
