//! One attempt after another: each is made, or waited for again.

use super::super::attempt::{connect, Upstream};
use super::super::failure::Failure;
use super::super::hedging::{Earlier, Stop};
use super::super::outlier::report_connection;
use super::super::timeouts::attempt_count;
use super::super::tunnel::connect_tcp;
use super::super::{log, mirror};
use super::hedged::Next;
use super::Forwarding;
use crate::http1::response::ResponseHead;
use crate::tracing;
use crate::upstream::ClosedBy;

/// The head of a response, or why there is none.
type Tried = Result<(Upstream, ResponseHead), Stop>;

impl Forwarding<'_> {
    /// Does what is next: what comes of it.
    pub(super) async fn go_on(&mut self, next: Next) -> Tried {
        match next {
            Next::Attempt => self.attempt().await,
            Next::After(pause) => {
                self.wait(pause).await?;
                self.attempt().await
            }
            Next::Resume(earlier) => self.resume(*earlier).await,
        }
    }

    /// What a new attempt comes to, which is then the latest.
    async fn attempt(&mut self) -> Tried {
        match self.connect().await {
            Ok(mut up) => {
                up.begin(&mut self.parties);
                self.await_head(up).await
            }
            Err(stop) => {
                self.log_stop(&stop);
                Err(stop)
            }
        }
    }

    /// Waits for the response of an attempt that was made before.
    async fn resume(&mut self, mut earlier: Earlier) -> Tried {
        self.parties.stream.info.upstream = earlier.info;
        tracing::exchange_attempt(self.parties.stream, &mut earlier.span);
        self.parties.timeouts.end_attempt();
        self.parties.timeouts.upstream_end = earlier.end;
        self.retries.resume(earlier.up.followed);
        match earlier.head {
            Some(head) => Ok((earlier.up, head)),
            None => self.await_head(earlier.up).await,
        }
    }

    /// Chooses a host and takes a connection to it.
    async fn connect(&mut self) -> Result<Upstream, Stop> {
        let stream = &mut *self.parties.stream;
        stream.info.attempts += 1;
        if self.route.include_request_attempt_count() {
            attempt_count(&mut stream.request, stream.info.attempts);
        }
        let (cluster, host) = match self.choose_host() {
            Some(chosen) => chosen,
            None => self.resolve_host().await?,
        };
        self.retries.note(&host);
        if self.parties.stream.info.attempts == 1 && !self.parties.holding {
            let limit = self.parties.timeouts.route;
            let mirrors = &self.forward.mirrors;
            mirror::start(self.router, self.parties.stream, mirrors, limit);
        }
        if self.forward.auto_host && !host.hostname.is_empty() {
            let stream = &mut *self.parties.stream;
            let keep_original = !self.router.suppress_envoy_headers;
            self.route.set_host(&mut stream.request, host.hostname.as_bytes(), keep_original);
        }
        let spawns = self.router.start_child_span;
        tracing::begin_attempt(self.parties.stream, &self.cluster, spawns);
        let connected = match self.ends_connect {
            true => connect_tcp(&mut self.parties, &cluster, &host).await,
            false => connect(&mut self.parties, &cluster, &host, self.priority).await,
        };
        report_connection(&cluster, &host, &connected);
        connected
    }

    /// Waits for the head of the latest attempt's response.
    async fn await_head(&mut self, mut up: Upstream) -> Tried {
        let stop = match up.exchange(&mut self.parties).await {
            Ok(head) => {
                up.report_answer(&mut self.parties, &head);
                return Ok((up, head));
            }
            Err(Stop::Failed(Failure::Timeout(kind))) => {
                self.parties.stream.info.upstream.flags |= kind.flag_of_attempt();
                if kind.is_of_one_attempt() && self.parties.timeouts.hedges {
                    return Err(Stop::Late(Box::new(up), kind));
                }
                Failure::Timeout(kind).into()
            }
            Err(stop) => stop,
        };
        match &stop {
            Stop::Failed(failure) => up.fail(&mut self.parties, &self.cluster, failure),
            Stop::Late(..) | Stop::Overtaken(_) => up.abort(ClosedBy::Local),
        }
        self.log_stop(&stop);
        Err(stop)
    }

    /// Logs that an attempt gave no response.
    fn log_stop(&mut self, stop: &Stop) {
        let failure = match stop {
            Stop::Failed(failure) => Some(failure),
            Stop::Late(..) | Stop::Overtaken(_) => None,
        };
        log::attempt(&mut self.parties, &self.cluster, 0, failure);
    }
}
