//! What a client's connection counts from its start to its end.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use crate::clock;
use crate::http::connection_manager::Manager;
use crate::http::stream::Stream;
use crate::http::stream_info::ConnectionInfo;
use crate::proto::{HttpHistogram, HttpStat};

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Remote,
    Local,
    /// After the answer, without waiting for the client.
    AtOnce,
}

/// What the client speaks, once it has said something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    Http1,
    Http2,
}

impl Spoken {
    fn stats(self) -> (HttpStat, HttpStat) {
        match self {
            Self::Http1 => {
                (HttpStat::HttpDownstreamCxHttp1Total, HttpStat::HttpDownstreamCxHttp1Active)
            }
            Self::Http2 => {
                (HttpStat::HttpDownstreamCxHttp2Total, HttpStat::HttpDownstreamCxHttp2Active)
            }
        }
    }
}

/// Counts a connection, and its end even when its task is dropped.
pub struct ConnectionCount {
    manager: Rc<Manager>,
    start: Instant,
    /// It is over TLS.
    secured: bool,
    spoken: Cell<Option<Spoken>>,
    ended: Cell<bool>,
}

impl ConnectionCount {
    pub fn new(manager: &Rc<Manager>, connection: &ConnectionInfo) -> Rc<Self> {
        let secured = connection.tls.is_some();
        if secured {
            manager.block.inc(HttpStat::HttpDownstreamCxSslTotal);
            manager.block.inc(HttpStat::HttpDownstreamCxSslActive);
        }
        let start = connection.start;
        manager.block.inc(HttpStat::HttpDownstreamCxTotal);
        manager.block.inc(HttpStat::HttpDownstreamCxActive);
        let (spoken, ended) = (Cell::new(None), Cell::new(false));
        Rc::new(Self { manager: manager.clone(), start, secured, spoken, ended })
    }

    /// The client has sent something.
    pub fn heard(&self, spoken: Spoken) {
        if self.spoken.replace(Some(spoken)).is_none() {
            let (total, active) = spoken.stats();
            self.manager.block.inc(total);
            self.manager.block.inc(active);
        }
    }

    pub fn has_spoken(&self) -> bool {
        self.spoken.get().is_some()
    }

    /// The connection ends, `active` when a request is not complete.
    pub fn end(&self, end: End, active: bool) {
        self.ended.set(true);
        let own = end != End::Remote;
        self.manager.block.inc(match own {
            true => HttpStat::HttpDownstreamCxDestroyLocal,
            false => HttpStat::HttpDownstreamCxDestroyRemote,
        });
        self.give_up(own, active);
    }

    /// Requests that are not complete end with the connection, by this side's will if `own`.
    pub fn give_up(&self, own: bool, active: bool) {
        if !active {
            return;
        }
        let block = &self.manager.block;
        block.inc(HttpStat::HttpDownstreamCxDestroyActiveRq);
        block.inc(match own {
            true => HttpStat::HttpDownstreamCxDestroyLocalActiveRq,
            false => HttpStat::HttpDownstreamCxDestroyRemoteActiveRq,
        });
    }
}

impl Drop for ConnectionCount {
    fn drop(&mut self) {
        let block = &self.manager.block;
        block.inc(HttpStat::HttpDownstreamCxDestroy);
        block.dec(HttpStat::HttpDownstreamCxActive);
        if self.secured {
            block.dec(HttpStat::HttpDownstreamCxSslActive);
        }
        if !self.ended.get() {
            block.inc(HttpStat::HttpDownstreamCxDestroyLocal);
        }
        let length = clock::since(self.start).as_millis() as u64;
        block.record(HttpHistogram::DownstreamCxLengthMs, length);
        if let Some(spoken) = self.spoken.get() {
            block.dec(spoken.stats().1);
        }
    }
}

/// Counts how a request ended; `gone` when the client gave it up.
pub fn count_outcome(stream: &Stream, gone: bool) {
    let block = &stream.manager.block;
    let unread = stream.request_done.is_none();
    if (unread || stream.early) && (stream.tunnel || (!gone && !stream.broken)) {
        block.inc(HttpStat::HttpDownstreamRqResponseBeforeRqComplete);
    }
    if gone || unread || stream.broken {
        block.inc(HttpStat::HttpDownstreamRqRxReset);
    }
    if stream.broken && !gone {
        block.inc(HttpStat::HttpDownstreamRqTxReset);
    }
}
