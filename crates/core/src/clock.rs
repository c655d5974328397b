//! The time as a worker sees it: read once for what happens at once.
//!
//! A request asks for the time a dozen times, and most answers differ by less than anything shows. So a
//! worker's clock stands between two things that may have taken time: a wait of its loop, a read, a timer.
//! Other threads always get the time of the moment.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

/// How long the wall clock is followed by the monotonic one; a change of it shows after that.
const WALL_LIFE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
enum State {
    /// Not a worker: every call reads the clock.
    Live,
    /// The next call reads it.
    Stale,
    At(Instant),
}

/// The time of day at a moment, and where it was taken from.
#[derive(Clone, Copy)]
struct Wall {
    read: (Instant, SystemTime),
    latest: (Instant, SystemTime),
}

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::Live) };
    static WALL: Cell<Option<Wall>> = const { Cell::new(None) };
}

/// Lets the clock of this thread stand between calls of [`advance`].
pub fn hold() {
    STATE.set(State::Stale);
}

/// Something happened that may have taken time.
#[inline]
pub fn advance() {
    if let State::At(_) = STATE.get() {
        STATE.set(State::Stale);
    }
}

#[inline]
pub fn now() -> Instant {
    match STATE.get() {
        State::At(now) => now,
        State::Live => Instant::now(),
        State::Stale => {
            let now = Instant::now();
            STATE.set(State::At(now));
            now
        }
    }
}

/// How long ago `start` was.
#[inline]
pub fn since(start: Instant) -> Duration {
    now().saturating_duration_since(start)
}

/// The time of day at [`now`].
pub fn wall() -> SystemTime {
    if let State::Live = STATE.get() {
        return SystemTime::now();
    }
    let now = now();
    let known = WALL.get();
    if let Some(Wall { latest: (at, wall), .. }) = known {
        if at == now {
            return wall;
        }
    }
    let read = known.map(|known| known.read);
    let passed = read.map(|(then, _)| now.saturating_duration_since(then));
    let read = match read.zip(passed) {
        Some((read, passed)) if passed < WALL_LIFE => read,
        _ => (now, SystemTime::now()),
    };
    let wall = read.1 + passed.filter(|passed| *passed < WALL_LIFE).unwrap_or_default();
    WALL.set(Some(Wall { read, latest: (now, wall) }));
    wall
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{advance, hold, now, since, wall};

    #[test]
    fn a_held_clock_stands_until_it_is_advanced() {
        std::thread::spawn(|| {
            hold();
            let first = now();
            std::thread::sleep(Duration::from_millis(2));
            assert_eq!(now(), first);
            advance();
            assert!(since(first) >= Duration::from_millis(2));
        })
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }

    #[test]
    fn another_threads_clock_runs() {
        let first = now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(since(first) >= Duration::from_millis(2));
    }

    #[test]
    fn the_wall_clock_goes_with_it() {
        std::thread::spawn(|| {
            hold();
            for _ in 0..3 {
                let off = SystemTime::now().duration_since(wall()).unwrap_or_default();
                assert!(off < Duration::from_millis(100), "{off:?}");
                std::thread::sleep(Duration::from_millis(5));
                advance();
            }
        })
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
}
