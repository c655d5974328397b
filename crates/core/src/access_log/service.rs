//! Services that entries of access logs are sent to, and what each worker has on its way to them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::exporter::Exporter;
use super::log_stream::LogStream;
use crate::proto::{self, LogServiceStat};
use crate::stats::{Block, BlockKind};
use crate::telemetry::batch::{Batcher, Limits, Receiver};
use crate::worker::Worker;

/// A service. Access logs that are configured alike share it, and so its batches.
pub struct LogService {
    limits: Limits,
    stats_block: u32,
    wire: Wire,
}

/// How entries get there.
pub enum Wire {
    Stream(Arc<LogStream>),
    Otlp(Arc<Exporter>),
}

type Sender = Batcher<Box<dyn Receiver>>;

impl LogService {
    pub fn new(buffer: Option<&proto::TelemetryBuffer>, stats_block: u32, wire: Wire) -> Self {
        let buffer = buffer.cloned().unwrap_or_default();
        let limits = Limits {
            bytes: buffer.bytes as usize,
            items: u64::MAX,
            interval: Duration::from_millis(buffer.flush_interval_ms),
        };
        Self { limits, stats_block, wire }
    }

    fn receiver(&self, worker: &Rc<Worker>, block: &Arc<Block>) -> Box<dyn Receiver> {
        match &self.wire {
            Wire::Stream(stream) => stream.receiver(worker, block),
            Wire::Otlp(exporter) => exporter.receiver(worker, block),
        }
    }

    /// An entry counts as written when it is taken, not when the service has it.
    fn counts_what_is_taken(&self) -> bool {
        matches!(self.wire, Wire::Stream(_))
    }
}

struct Logger {
    service: Weak<LogService>,
    sender: Rc<Sender>,
    block: Arc<Block>,
}

/// What a worker sends to services; those that it has not sent to cost nothing.
#[derive(Default)]
pub struct Loggers {
    kept: RefCell<Vec<Logger>>,
}

impl Loggers {
    /// Sends the entry that `write` appends, with others.
    pub fn add(
        &self,
        worker: &Rc<Worker>,
        service: &Arc<LogService>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let (sender, block) = self.find(worker, service);
        match sender.add(write) {
            true if service.counts_what_is_taken() => {
                block.inc(LogServiceStat::LogServiceLogsWritten)
            }
            true => {}
            false => block.inc(LogServiceStat::LogServiceLogsDropped),
        }
    }

    /// Lets go of services that no access log names any more. What they have not been sent goes out before.
    pub fn sweep(&self) {
        self.kept.borrow_mut().retain(|logger| {
            let used = logger.service.strong_count() > 0;
            if !used {
                logger.sender.flush();
            }
            used
        });
    }

    /// Lets go of all services: what they have not been sent goes out, and their streams end.
    pub fn close(&self) {
        self.kept.take().iter().for_each(|logger| logger.sender.flush());
    }

    fn find(&self, worker: &Rc<Worker>, service: &Arc<LogService>) -> (Rc<Sender>, Arc<Block>) {
        let mut kept = self.kept.borrow_mut();
        let known = |it: &&Logger| std::ptr::eq(it.service.as_ptr(), Arc::as_ptr(service));
        if let Some(logger) = kept.iter().find(known) {
            return (logger.sender.clone(), logger.block.clone());
        }
        let block = worker.block(service.stats_block, BlockKind::Filter);
        let sender = Rc::new(Batcher::new(service.limits, service.receiver(worker, &block)));
        sender.keep_flushing(&worker.timers);
        let service = Arc::downgrade(service);
        kept.push(Logger { service, sender: sender.clone(), block: block.clone() });
        (sender, block)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::LogService;
    use crate::access_log::exporter::Exporter;
    use crate::access_log::service::Wire;
    use crate::access_log::Sinks;
    use crate::filters::router::client::tests::run;
    use crate::proto::open_telemetry_access_log::{exporter::Service, Exporter as Message};
    use crate::proto::{self, LogServiceStat};
    use crate::stats::{BlockKind, Registry};

    const BLOCK: u32 = 7;

    fn message(bytes: u32) -> Message {
        let client = proto::ServiceClient { cluster: "absent".into(), ..Default::default() };
        let grpc = proto::GrpcServiceClient { client: Some(client), ..Default::default() };
        Message {
            service: Some(Service::Grpc(grpc)),
            buffer: Some(proto::TelemetryBuffer { bytes, flush_interval_ms: 5 }),
            stats_block: BLOCK,
            ..Default::default()
        }
    }

    fn service(sinks: &Sinks, message: &Message) -> Arc<LogService> {
        let compile = || {
            let wire = Wire::Otlp(Arc::new(Exporter::compile(message)?));
            Ok(LogService::new(message.buffer.as_ref(), message.stats_block, wire))
        };
        sinks.service(message, compile).unwrap()
    }

    fn sinks() -> Sinks {
        Sinks::start(Duration::from_secs(10), &Registry::default(), 9).unwrap()
    }

    #[test]
    fn logs_that_are_configured_alike_share_a_service() {
        let sinks = sinks();
        let one = service(&sinks, &message(1));
        assert!(Arc::ptr_eq(&one, &service(&sinks, &message(1))));
        assert!(!Arc::ptr_eq(&one, &service(&sinks, &message(2))));
        sinks.shutdown();
    }

    #[test]
    fn what_no_service_takes_is_counted() {
        run(|worker| async move {
            let sinks = sinks();
            let service = service(&sinks, &message(100));
            worker.loggers.add(&worker, &service, |out| out.push(1));
            worker.loggers.add(&worker, &service, |out| out.push(2));
            let block = worker.block(BLOCK, BlockKind::Filter);
            while block.get(LogServiceStat::LogServiceLogsDropped) < 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drop(service);
            worker.loggers.sweep();
            assert!(worker.loggers.kept.borrow().is_empty());
            sinks.shutdown();
        });
    }
}
