//! Connections that end when their host fails (`close_connections_on_host_health_failure`).

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::Host;

/// The connections of one cluster in one worker that wait for it.
#[derive(Default)]
pub struct FailureWatch(RefCell<Slab<Waker>>);

impl FailureWatch {
    /// Lets each of them look at its host.
    pub fn wake(&self) {
        self.0.borrow().iter().for_each(|(_, waker)| waker.wake_by_ref());
    }
}

/// One of them.
pub struct Watched {
    watch: Rc<FailureWatch>,
    place: Option<usize>,
    host: Arc<Host>,
    /// How often the host had failed when the connection was made.
    failures: u32,
}

impl Watched {
    pub fn new(watch: &Rc<FailureWatch>, host: &Arc<Host>) -> Self {
        let failures = host.stats.failures();
        Self { watch: watch.clone(), place: None, host: host.clone(), failures }
    }

    /// Ready when the host has failed.
    pub fn poll_failed(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.host.stats.failures() != self.failures {
            return Poll::Ready(());
        }
        let mut wakers = self.watch.0.borrow_mut();
        match self.place.and_then(|place| wakers.get_mut(place)) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.place = Some(wakers.insert(cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.watch.0.borrow_mut().try_remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::sync::atomic::Ordering::Relaxed;
    use std::sync::Arc;
    use std::task::{Context, Waker};

    use super::{FailureWatch, Watched};
    use crate::upstream::Host;

    #[test]
    fn a_connection_ends_when_its_host_fails() {
        let address = crate::address::Address::Ip(([127, 0, 0, 1], 80).into());
        let host = Arc::new(Host::new(address, "".into(), Arc::default(), 0));
        host.stats.failures.store(3, Relaxed);
        let watch = Rc::new(FailureWatch::default());
        let cx = Context::from_waker(Waker::noop());
        let mut watched = Watched::new(&watch, &host);
        assert!(watched.poll_failed(&cx).is_pending() && watched.poll_failed(&cx).is_pending());
        assert_eq!(watch.0.borrow().len(), 1);
        host.stats.failures.store(4, Relaxed);
        assert!(watched.poll_failed(&cx).is_ready());
        drop(watched);
        assert!(watch.0.borrow().is_empty());
    }
}
