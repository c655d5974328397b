//! What workers have to say: messages for the main thread, which prints them.
//!
//! A message that is not wanted costs one relaxed load. The queue is bounded: a worker never waits for the
//! log, and what does not fit is counted and told later.

use std::sync::atomic::{AtomicU64, AtomicU8, Ordering::Relaxed};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Severities, with the numbers that the boundary uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Trace = 0,
    Debug = 1,
    Info = 2,
    Warning = 3,
    Error = 4,
    Critical = 5,
}

/// A number above every level: nothing is logged.
const OFF: u8 = 6;

macro_rules! components {
    ($($variant:ident = $name:literal,)*) => {
        /// Who speaks, under the names of Envoy's loggers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Component { $($variant,)* }

        const NAMES: &[&str] = &[$($name,)*];
    };
}

components! {
    Connection = "connection",
    ConnHandler = "conn_handler",
    Config = "config",
    Dns = "dns",
    File = "file",
    Filter = "filter",
    Http = "http",
    Main = "main",
    Misc = "misc",
    Pool = "pool",
    Router = "router",
    Runtime = "runtime",
    Upstream = "upstream",
}

impl Component {
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// One line for the main thread's log.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    pub level: Level,
    pub component: &'static str,
    pub text: String,
}

const QUEUE: usize = 4096;

static LEVELS: [AtomicU8; NAMES.len()] = [const { AtomicU8::new(Level::Info as u8) }; NAMES.len()];
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// `None` ends the wait of a reader.
type Queue = (SyncSender<Option<Message>>, Mutex<Receiver<Option<Message>>>);

fn queue() -> &'static Queue {
    static CHANNEL: OnceLock<Queue> = OnceLock::new();
    CHANNEL.get_or_init(|| {
        let (sender, receiver) = sync_channel(QUEUE);
        (sender, Mutex::new(receiver))
    })
}

/// Sets the least level that is logged: 0 trace to 5 critical, 6 off. An empty component sets all.
/// False when there is no such component in the workers.
pub fn set_level(component: &str, level: u8) -> bool {
    let mut known = component.is_empty();
    for (name, current) in NAMES.iter().zip(&LEVELS) {
        if component.is_empty() || *name == component {
            current.store(level.min(OFF), Relaxed);
            known = true;
        }
    }
    known
}

/// True when a message of this kind would be logged.
#[inline]
pub fn enabled(component: Component, level: Level) -> bool {
    level as u8 >= LEVELS[component as usize].load(Relaxed)
}

/// Queues a message; drops it when the main thread does not keep up. Use [`crate::log!`].
pub fn send(component: Component, level: Level, text: String) {
    let message = Message { level, component: component.name(), text };
    if queue().0.try_send(Some(message)).is_err() {
        DROPPED.fetch_add(1, Relaxed);
    }
}

/// Waits up to `timeout` for the next message. For one reader at a time.
pub fn next_log(timeout: Duration) -> Option<Message> {
    let dropped = DROPPED.swap(0, Relaxed);
    if dropped > 0 {
        let text = format!("{dropped} log messages of workers were dropped: the log is too slow");
        return Some(Message { level: Level::Warning, component: Component::Main.name(), text });
    }
    let receiver = queue().1.lock().unwrap_or_else(PoisonError::into_inner);
    receiver.recv_timeout(timeout).ok().flatten()
}

/// Ends the wait of the reader, or its next one; it has then read what was sent before.
pub fn wake() {
    let _ = queue().0.try_send(None);
}

/// Logs a formatted message for a component: `log!(Http, Debug, "bad request: {reason}")`.
#[macro_export]
macro_rules! log {
    ($component:ident, $level:ident, $($message:tt)+) => {
        if $crate::log::enabled($crate::log::Component::$component, $crate::log::Level::$level) {
            $crate::log::send(
                $crate::log::Component::$component,
                $crate::log::Level::$level,
                format!($($message)+),
            );
        }
    };
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{enabled, next_log, set_level, wake, Component, Level, QUEUE};

    fn texts_of(component: Component) -> Vec<String> {
        std::iter::from_fn(|| next_log(Duration::ZERO))
            .filter(|message| message.component == component.name())
            .map(|message| message.text)
            .collect()
    }

    #[test]
    fn levels_hold_per_component_and_a_full_queue_drops_and_tells() {
        assert!(enabled(Component::Misc, Level::Info) && !enabled(Component::Misc, Level::Debug));
        crate::log!(Misc, Debug, "unwanted");
        crate::log!(Misc, Info, "wanted {}", 1);
        assert_eq!(texts_of(Component::Misc), ["wanted 1"]);
        assert!(set_level("misc", 6) && !set_level("nobody", 0));
        assert!(!enabled(Component::Misc, Level::Critical));
        assert!(set_level("misc", 0));
        for number in 0..=QUEUE + 1 {
            crate::log!(Misc, Trace, "{number}");
        }
        assert!(texts_of(Component::Main).iter().any(|text| text.contains("were dropped")));
        assert!(set_level("misc", 2));
        let reader = std::thread::spawn(|| next_log(Duration::from_secs(60)));
        wake();
        assert_eq!(reader.join().ok(), Some(None));
    }
}
