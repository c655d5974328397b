//! What the phases of an attempt share, and what ends a wait beside the upstream.

use std::task::{ready, Context, Poll};
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::hedging::{Earlier, Stop};
use super::timeouts::Timeouts;
use super::Router;
use crate::body::ReadError;
use crate::clock;
use crate::filters::bodies::{poll_whole_request, Filtered};
use crate::http::downstream::Downstream;
use crate::http::stream::{Answer, Stream};
use crate::timer::Timer;

/// How long an answer may take before the departure of a new connection's client is looked for.
const PATIENCE: Duration = Duration::from_millis(5);

/// The part of the client's body that was sent and may have to be sent again.
#[derive(Default)]
pub struct Replay {
    pub bytes: Vec<u8>,
    /// Too much was sent to keep: no retry.
    pub overflowed: bool,
    pub limit: usize,
    /// A retry is possible at all.
    pub wanted: bool,
}

/// What the phases of an attempt share.
pub struct Parties<'a> {
    pub router: &'a Router,
    pub stream: &'a mut Stream,
    pub down: &'a mut dyn Downstream,
    pub timer: &'a Timer,
    pub timeouts: &'a mut Timeouts,
    pub replay: &'a mut Replay,
    /// The client has part of a response already: no attempt is made again.
    pub committed: bool,
    /// What follows an upgrade or CONNECT stays where it is, for the upstream has not agreed.
    pub holding: bool,
    /// Attempts that take too long and go on beside the latest one, oldest first.
    pub earlier: Vec<Earlier>,
    /// A host has reported its load.
    pub load_taken: bool,
    /// The cluster counts the sizes of requests and responses.
    pub sizes: bool,
}

impl Parties<'_> {
    /// Takes what the client has sent of a body that goes nowhere, so that its connection can live on.
    pub fn discard_body(&mut self) {
        if self.stream.bodies.is_some() {
            let trailers = self.stream.passes_trailers();
            Filtered::request(&mut *self.down, self.stream, trailers).discard();
            return;
        }
        // A body that is malformed leaves the request unfinished, which closes the connection.
        if let Ok((count, whole)) = self.down.discard_body() {
            self.stream.info.bytes_received += count;
            if whole {
                self.stream.request_complete();
            }
        }
    }

    /// Another attempt can send what this one did, and the client knows nothing of it.
    pub fn is_repeatable(&self) -> bool {
        !self.committed && !self.replay.overflowed
    }

    /// The client sends nothing that is wanted now: it is looked at only to see whether it leaves.
    fn only_watched(&self) -> bool {
        self.holding || self.stream.request_done.is_some()
    }

    /// Shows what comes of the body to the filters while the connection is awaited: one may refuse it.
    pub fn read_ahead(&mut self, cx: &mut Context<'_>) -> Result<(), Box<Answer>> {
        if self.holding || self.stream.bodies.is_none() {
            return Ok(());
        }
        let limit = self.stream.buffer_limit();
        match poll_whole_request(cx, &mut *self.down, self.stream, limit) {
            Poll::Ready(Err(ReadError::Answered(answer))) => Err(answer),
            // Another error comes back when the body is sent.
            _ => Ok(()),
        }
    }

    /// The client left, when all of its request has come.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.only_watched() {
            true => self.down.poll_gone(cx),
            false => Poll::Pending,
        }
    }

    /// The client left, or a timeout passed.
    pub fn poll_interrupted(&mut self, cx: &mut Context<'_>) -> Poll<Failure> {
        loop {
            let watch_at = self.watch_at();
            if self.only_watched()
                && watch_at.is_none_or(|at| at <= clock::now())
                && self.down.poll_gone(cx).is_ready()
            {
                return Poll::Ready(Failure::ClientGone);
            }
            let limit = self.nearest();
            let watch_at = self.watch_at();
            ready!(self.timer.poll(cx, limit.into_iter().chain(watch_at).min()));
            if watch_at.is_none_or(|at| limit.is_some_and(|limit| limit <= at)) {
                return Poll::Ready(Failure::Timeout(self.timeouts.expired(self.stream)));
            }
        }
    }

    /// The same, or an earlier attempt has come to something while the latest is waited for.
    pub fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        if !self.earlier.is_empty() {
            if let Poll::Ready(stop) = self.poll_earlier(cx) {
                return Poll::Ready(stop);
            }
        }
        self.poll_interrupted(cx).map(Stop::Failed)
    }

    /// Ready when `until` has passed, or something ends the pause between two attempts before.
    pub fn poll_pause(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<Result<(), Stop>> {
        if clock::now() >= until {
            return Poll::Ready(Ok(()));
        }
        if !self.earlier.is_empty() {
            if let Poll::Ready(stop) = self.poll_earlier(cx) {
                return Poll::Ready(Err(stop));
            }
        }
        if self.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Failure::ClientGone.into()));
        }
        let nearest = self.nearest().map_or(until, |limit| limit.min(until));
        ready!(self.timer.poll(cx, Some(nearest)));
        match nearest == until {
            true => Poll::Ready(Ok(())),
            false => Poll::Ready(Err(Failure::Timeout(self.timeouts.expired(self.stream)).into())),
        }
    }

    /// When a timeout of the request, or of an attempt at it, passes next.
    fn nearest(&self) -> Option<Instant> {
        let limit = self.timeouts.nearest(self.stream);
        match self.earlier.is_empty() {
            true => limit,
            false => limit.into_iter().chain(self.earlier.iter().filter_map(|it| it.end)).min(),
        }
    }

    /// When to begin to watch a client that the loop does not know yet: most answers are there before.
    fn watch_at(&self) -> Option<Instant> {
        let wanted = self.only_watched() && self.down.can_watch();
        wanted.then(|| self.stream.info.start + PATIENCE)
    }
}
