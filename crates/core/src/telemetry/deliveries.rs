//! What is on its way to receivers.

use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::timer::Timers;

/// How long a worker that ends waits for receivers.
const LIMIT: Duration = Duration::from_secs(1);

/// How often it looks whether they have everything.
const TICK: Duration = Duration::from_millis(1);

/// The deliveries of one worker.
#[derive(Default)]
pub struct Deliveries(Rc<()>);

/// One of them: under way for as long as this is kept.
pub struct Delivery {
    _of: Rc<()>,
}

impl Deliveries {
    pub fn begin(&self) -> Delivery {
        Delivery { _of: self.0.clone() }
    }

    fn is_empty(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }

    /// Waits until everything has arrived or is lost; for those that take too long no longer than a second.
    pub async fn finish(&self, timers: &Rc<Timers>) {
        let timer = timers.timer();
        let limit = Instant::now() + LIMIT;
        while !self.is_empty() && Instant::now() < limit {
            timer.until(Some(Instant::now() + TICK)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use super::Deliveries;
    use crate::timer::Timers;

    #[test]
    fn the_end_waits_for_what_is_under_way_but_not_for_ever() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let timers = Timers::new();
            crate::sys::spawn_here(timers.clone().drive());
            let deliveries = Rc::new(Deliveries::default());
            let delivery = deliveries.begin();
            crate::sys::spawn_here(async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                drop(delivery);
            });
            deliveries.finish(&timers).await;
            assert!(deliveries.is_empty());
            let late = deliveries.begin();
            deliveries.finish(&timers).await;
            assert!(!deliveries.is_empty());
            drop(late);
        });
    }
}
