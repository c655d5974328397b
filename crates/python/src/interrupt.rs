//! What threads are to Python: one that calls filters stays known, and one whose call takes too long is ended by an
//! exception: the one place with `unsafe` here. Code in Python is interrupted between two of its instructions; a call that blocks in the system is not.

#![allow(unsafe_code)]

use std::cell::{Cell, OnceCell};
use std::os::raw::c_long;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;

pyo3::create_exception!(lateen._core, FilterTimeout, PyBaseException);

/// How often it is looked for calls that take too long.
const LOOK: Duration = Duration::from_millis(20);

/// The call that a thread is in.
#[derive(Default)]
struct Turn {
    /// What Python calls the thread.
    thread: u64,
    /// When the call is to be over, in milliseconds since the watch began; 0: there is none.
    until: AtomicU64,
    /// An exception was sent into the call.
    interrupted: AtomicBool,
}

/// Looks after the calls of all workers of a process.
pub struct Watch {
    began: Instant,
    turns: Mutex<Vec<Weak<Turn>>>,
    running: OnceLock<()>,
}

thread_local! {
    static KNOWN: Cell<bool> = const { Cell::new(false) };
    static TURN: OnceCell<Arc<Turn>> = const { OnceCell::new() };
}

impl Watch {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), turns: Mutex::default(), running: OnceLock::new() })
    }

    /// Begins to look, once; ends when nobody has the watch any more.
    pub fn start(self: &Arc<Self>) {
        self.running.get_or_init(|| {
            let watch = Arc::downgrade(self);
            let looking = move || {
                while let Some(watch) = watch.upgrade() {
                    watch.look();
                    drop(watch);
                    std::thread::sleep(LOOK);
                }
            };
            let named = std::thread::Builder::new().name("py:watch".to_owned());
            if let Err(error) = named.spawn(looking) {
                let text = format!("python filters have no time limit: {error}");
                lateen_core::log::send(
                    lateen_core::log::Component::Filter,
                    lateen_core::log::Level::Warning,
                    text,
                );
            }
        });
    }

    /// Runs `call` in this thread; if it takes longer than `limit`, it is ended by [`FilterTimeout`].
    pub fn limited<R>(
        &self,
        py: Python<'_>,
        limit: Duration,
        call: impl FnOnce() -> PyResult<R>,
    ) -> PyResult<R> {
        if limit.is_zero() {
            return call();
        }
        let turn = TURN.with(|turn| turn.get_or_init(|| self.join(py)).clone());
        turn.until.store(self.now() + limit.as_millis().max(1) as u64, SeqCst);
        let result = call();
        turn.until.store(0, SeqCst);
        // This thread has the GIL, so nothing is sent any more; what was sent may not have arrived.
        if turn.interrupted.swap(false, SeqCst) {
            forget(turn.thread);
        }
        result
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64 + 1
    }

    fn join(&self, py: Python<'_>) -> Arc<Turn> {
        let ident = py.import("threading").and_then(|module| module.call_method0("get_ident"));
        let thread = ident.and_then(|ident| ident.extract()).unwrap_or_default();
        let turn = Arc::new(Turn { thread, ..Turn::default() });
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|turn| turn.strong_count() > 0);
        turns.push(Arc::downgrade(&turn));
        turn
    }

    fn look(&self) {
        let now = self.now();
        let late = |turn: &Arc<Turn>| (1..=now).contains(&turn.until.load(SeqCst));
        let turns: Vec<Arc<Turn>> = {
            let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.iter().filter_map(Weak::upgrade).filter(late).collect()
        };
        for turn in turns {
            Python::attach(|py| {
                // Calls end with the GIL: one that is late now is still under way.
                if late(&turn) {
                    turn.interrupted.store(true, SeqCst);
                    interrupt(py, turn.thread);
                }
            });
        }
    }
}

/// Lets Python keep what it knows of this thread between calls, instead of making it anew for each.
///
/// It is kept when the thread has ended, too: to give it back takes the GIL, for which whoever waits for the thread
/// may be holding it.
pub fn stay_known(_py: Python<'_>) {
    if !KNOWN.replace(true) {
        // SAFETY: this thread has the GIL, by the state that this keeps; releasing the GIL stays the caller's.
        unsafe { pyo3::ffi::PyGILState_Ensure() };
    }
}

/// Raises [`FilterTimeout`] in a thread, when that runs Python next.
fn interrupt(py: Python<'_>, thread: u64) {
    let kind = py.get_type::<FilterTimeout>();
    // SAFETY: the GIL is held, and the type is alive; a thread that is gone is not found.
    unsafe { pyo3::ffi::PyThreadState_SetAsyncExc(thread as c_long, kind.as_ptr()) };
}

/// Takes back what was sent to this thread and has not been raised.
fn forget(thread: u64) {
    // SAFETY: the caller holds the GIL; NULL clears what is pending.
    unsafe { pyo3::ffi::PyThreadState_SetAsyncExc(thread as c_long, std::ptr::null_mut()) };
}
