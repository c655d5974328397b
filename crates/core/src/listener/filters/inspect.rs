//! Running the listener filters of a connection, one after the other, within the listener's time.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use super::{OnAccept, OnData, Program, Subject};
use crate::clock;
use crate::listener::Listener;
use crate::proto::ListenerStat;
use crate::timer::Timer;
use crate::worker::Worker;

thread_local! {
    /// Where bytes are looked at; nothing of it outlives a look.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A connection that its listener filters do not let through; it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal;

/// What one look at a connection gave.
enum Look {
    Seen(OnData, usize),
    TimedOut,
    Ended,
    Failed,
}

struct Pass<'a> {
    worker: &'a Worker,
    subject: &'a mut Subject,
    timer: Timer,
    deadline: Option<Instant>,
}

/// Lets the filters of a listener look at a connection.
///
/// # Errors
/// It is to be closed.
pub async fn inspect(
    worker: &Worker,
    listener: &Listener,
    subject: &mut Subject,
) -> Result<(), Refusal> {
    let timeout = listener.settings.filters_timeout;
    let deadline = timeout.map(|timeout| clock::now() + timeout);
    let mut pass = Pass { worker, subject, timer: worker.timers.timer(), deadline };
    for filter in &listener.filters {
        match pass.run(filter).await {
            Look::Seen(OnData::Close, _) => return Err(Refusal),
            Look::Seen(..) => {}
            Look::Ended => {
                listener.block.inc(ListenerStat::ListenerDownstreamListenerFilterRemoteClose);
                return Err(Refusal);
            }
            Look::Failed => {
                listener.block.inc(ListenerStat::ListenerDownstreamListenerFilterError);
                return Err(Refusal);
            }
            Look::TimedOut => {
                listener.block.inc(ListenerStat::ListenerDownstreamPreCxTimeout);
                let goes_on = listener.settings.message.continue_on_listener_filters_timeout;
                // What was seen so far would not be told of again.
                return match goes_on && pass.subject.transport.watch_again().is_ok() {
                    true => Ok(()),
                    false => Err(Refusal),
                };
            }
        }
    }
    Ok(())
}

impl Pass<'_> {
    async fn run(&mut self, filter: &Program) -> Look {
        let mut limit = match filter.accept(self.worker, self.subject) {
            OnAccept::Continue => return Look::Seen(OnData::Done, 0),
            OnAccept::Close => return Look::Seen(OnData::Close, 0),
            OnAccept::Peek(limit) => limit,
        };
        let mut seen = 0;
        loop {
            match poll_fn(|cx| self.poll_look(cx, filter, limit, seen)).await {
                // What was seen may be only what fits.
                Look::Seen(OnData::More(more), count) => {
                    seen = count.min(limit);
                    limit = more.max(limit);
                }
                Look::Seen(OnData::Take(count), _) => {
                    return match self.subject.transport.discard(count) {
                        Ok(()) => Look::Seen(OnData::Done, 0),
                        Err(_) => Look::Failed,
                    }
                }
                other => return other,
            }
        }
    }

    fn poll_look(
        &mut self,
        cx: &mut Context<'_>,
        filter: &Program,
        limit: usize,
        seen: usize,
    ) -> Poll<Look> {
        let looked = SCRATCH.with_borrow_mut(|scratch| {
            if scratch.len() < limit {
                scratch.resize(limit, 0);
            }
            let count = match self.subject.transport.poll_peek(cx, &mut scratch[..limit], seen) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(Look::Failed),
                Poll::Ready(Ok(0)) => return Poll::Ready(Look::Ended),
                Poll::Ready(Ok(count)) => count,
            };
            let data = filter.data(self.worker, self.subject, &scratch[..count]);
            Poll::Ready(Look::Seen(data, count))
        });
        match looked {
            Poll::Ready(look) => Poll::Ready(look),
            Poll::Pending => self.timer.poll(cx, self.deadline).map(|()| Look::TimedOut),
        }
    }
}
