use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::super::guard::{Guard, Limited};
use super::super::{Current, ListenerConfig};
use super::run;
use crate::access_log::Sinks;
use crate::clock;
use crate::proto::{self, ListenerStat, ProcessStat};
use crate::stats::Registry;
use crate::worker::Worker;

/// A listener with one chain, which does nothing.
fn listener(worker: &Worker, sinks: &Sinks) -> Rc<Current> {
    let chain = proto::FilterChain { name: "c".into(), ..Default::default() };
    let message = proto::Listener {
        name: "l".into(),
        stats_block: 7,
        filter_chains: vec![chain],
        ..Default::default()
    };
    let config = ListenerConfig::compile(&message, sinks, &Default::default(), None);
    Current::new(worker, Arc::new(config.unwrap()), None)
}

#[test]
fn a_panic_in_one_connection_ends_that_one_and_counts() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sinks = Sinks::start(Duration::from_secs(10), &Registry::default(), 9).unwrap();
    let worker = Worker::alone(Arc::default(), sinks.clone());
    let current = listener(&worker, &sinks);
    let guard = || {
        let limited = Limited::take(&worker, &current.listener, None).unwrap();
        let (worker, listener) = (worker.clone(), current.listener.clone());
        Guard::new(worker, listener, current.chains[0].clone(), clock::now(), limited)
    };
    let served = Rc::new(Cell::new(0));
    let other = served.clone();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        run(guard(), None, Box::pin(async { panic!("a fault in one connection") }));
        run(
            guard(),
            None,
            Box::pin(async move {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                    other.set(other.get() + 1);
                }
            }),
        );
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(served.get(), 3, "the other connection goes on");
    assert_eq!(worker.process.get(ProcessStat::ProcessWorkerPanics), 1);
    assert_eq!(worker.open_connections.get(), 0);
    let block = &current.listener.block;
    assert_eq!(block.get(ListenerStat::ListenerDownstreamCxTotal), 2);
    assert_eq!(block.get(ListenerStat::ListenerDownstreamCxDestroy), 2);
    assert_eq!(block.get(ListenerStat::ListenerDownstreamCxActive), 0);
}
