//! Tracers: how a trace is gone on with, how its spans look, and who gets them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use prost::Message;

use super::context::SpanContext;
use super::facts::Facts;
use super::opentelemetry::OpenTelemetry;
use super::reporter::{Reporter, Reporting};
use super::span::{Kind, Span};
use super::zipkin::Zipkin;
use crate::compile::{At, CompileError, Result};
use crate::headers::Headers;
use crate::proto::{self, tracer};
use crate::random::Random;
use crate::worker::Worker;

/// Immutable, shared by all workers.
pub struct TracerConfig {
    /// Tracers of the same configuration are one.
    key: Vec<u8>,
    pub(super) of_requests: Facts,
    pub(super) of_attempts: Facts,
    pub(super) protocol: Protocol,
}

/// What a tracer speaks.
pub(super) enum Protocol {
    OpenTelemetry(Box<OpenTelemetry>),
    Zipkin(Box<Zipkin>),
}

impl Protocol {
    pub fn reporting(&self) -> &Reporting {
        match self {
            Self::OpenTelemetry(it) => &it.reporting,
            Self::Zipkin(it) => &it.reporting,
        }
    }
}

impl TracerConfig {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::Tracer) -> Result<Self> {
        let protocol = match &message.kind {
            Some(tracer::Kind::Opentelemetry(tracer)) => {
                let tracer = OpenTelemetry::compile(tracer).at("opentelemetry")?;
                Protocol::OpenTelemetry(Box::new(tracer))
            }
            Some(tracer::Kind::Zipkin(tracer)) => {
                Protocol::Zipkin(Box::new(Zipkin::compile(tracer).at("zipkin")?))
            }
            None => return Err(CompileError::new("a tracer is missing")),
        };
        Ok(Self {
            key: message.encode_to_vec(),
            of_requests: Facts::of_requests()?,
            of_attempts: Facts::of_attempts()?,
            protocol,
        })
    }
}

/// A tracer in one worker.
pub struct Tracer {
    pub(super) config: Arc<TracerConfig>,
    reporter: Reporter,
    /// The task that reports at intervals runs.
    started: Cell<bool>,
}

/// Those of one worker.
#[derive(Default)]
pub struct Tracers(RefCell<HashMap<Vec<u8>, Rc<Tracer>>>);

impl Tracers {
    /// The tracer of a configuration.
    pub fn get(&self, config: &Arc<TracerConfig>, worker: &Worker) -> Rc<Tracer> {
        let mut all = self.0.borrow_mut();
        if let Some(tracer) = all.get(&config.key) {
            return tracer.clone();
        }
        let reporter = Reporter::new(config, worker);
        let tracer =
            Rc::new(Tracer { config: config.clone(), reporter, started: Cell::new(false) });
        all.insert(config.key.clone(), tracer.clone());
        tracer
    }

    /// Lets go of tracers that no connection manager has any more. What they have not reported goes out before.
    pub fn sweep(&self) {
        self.0.borrow_mut().retain(|_, tracer| {
            let used = Rc::strong_count(tracer) > 1;
            if !used {
                tracer.reporter.flush();
            }
            used
        });
    }

    /// Lets go of all tracers: what they have not reported goes out.
    pub fn close(&self) {
        self.0.take().values().for_each(|tracer| tracer.reporter.flush());
    }
}

impl Tracer {
    /// The kind of a request's span; `client`: of a client's side, if that can be told.
    pub fn kind(&self, client: bool) -> Kind {
        match &self.config.protocol {
            Protocol::Zipkin(zipkin) if zipkin.always_server => Kind::Server,
            _ if client => Kind::Client,
            _ => Kind::Server,
        }
    }

    /// Where the span of a request stands, which may go on with a trace; None when that cannot be understood.
    /// `traced`: the request is to be traced.
    pub fn begin(
        &self,
        request: &Headers,
        traced: bool,
        kind: Kind,
        random: &Random,
    ) -> Option<SpanContext> {
        match &self.config.protocol {
            Protocol::OpenTelemetry(it) => it.begin(request, traced, random),
            Protocol::Zipkin(it) => it.begin(request, traced, kind, random),
        }
    }

    /// How spans of requests are called where nothing else says.
    pub fn usual_name(&self, egress: bool, host: &[u8]) -> String {
        let host = String::from_utf8_lossy(host);
        match &self.config.protocol {
            Protocol::Zipkin(_) => host.into_owned(),
            Protocol::OpenTelemetry(_) if egress => format!("egress {host}"),
            Protocol::OpenTelemetry(_) => "ingress".to_owned(),
        }
    }

    /// Whether logs learn the ids of spans; as in Envoy, Zipkin tells none.
    pub fn tells_span_id(&self) -> bool {
        matches!(self.config.protocol, Protocol::OpenTelemetry(_))
    }

    /// Tells an upstream of a span.
    pub fn inject(&self, context: &SpanContext, headers: &mut Headers) {
        match &self.config.protocol {
            Protocol::OpenTelemetry(it) => it.inject(context, headers),
            Protocol::Zipkin(it) => it.inject(context, headers),
        }
    }

    /// Reports a span that has ended.
    pub fn report(self: &Rc<Self>, worker: &Rc<Worker>, span: Span) {
        self.start(worker);
        self.reporter.add(worker, &worker.runtime(), |out| match &self.config.protocol {
            Protocol::OpenTelemetry(it) => it.write(span, out),
            Protocol::Zipkin(it) => it.write(span, out),
        });
    }

    /// Begins to report at intervals, as long as the tracer is used.
    fn start(self: &Rc<Self>, worker: &Rc<Worker>) {
        if self.started.replace(true) {
            return;
        }
        let (tracer, worker) = (Rc::downgrade(self), worker.clone());
        crate::sys::spawn_here(async move {
            let timer = worker.timers.timer();
            loop {
                let Some(interval) =
                    tracer.upgrade().map(|it| it.reporter.interval(&worker.runtime()))
                else {
                    return;
                };
                timer.until(Some(Instant::now() + interval)).await;
                if let Some(tracer) = tracer.upgrade() {
                    tracer.reporter.flush_at_interval();
                }
            }
        });
    }
}
