use std::rc::Rc;
use std::time::Duration;

use super::{Overload, Point, TimerKind};
use crate::proto::overload::{timer::Shortest, Share, Timer};
use crate::proto::{self, LoadShedStat};
use crate::random::Random;
use crate::stats::{BlockKind, Registry};

const BLOCK: u32 = 7;
const MINUTE: Duration = Duration::from_secs(60);

fn state(message: &proto::Overload) -> (Overload, std::sync::Arc<Registry>) {
    let registry = std::sync::Arc::new(Registry::default());
    let overload = Overload::new(Rc::new(Random::seeded(5)));
    overload.set(message, &registry, 0);
    (overload, registry)
}

fn shedding(point: Point, share: f64) -> proto::Overload {
    let shares = vec![Share { point: point.into(), share, stats_block: BLOCK }];
    proto::Overload { shares, ..Default::default() }
}

fn reducing(shortest: Shortest, reduce_timeouts: f64) -> proto::Overload {
    let kind = TimerKind::HttpDownstreamStreamIdle.into();
    let timers = vec![Timer { kind, shortest: Some(shortest) }];
    proto::Overload { timers, reduce_timeouts, ..Default::default() }
}

#[test]
fn nothing_is_shed_before_anything_is_short() {
    let (overload, _) = state(&proto::Overload::default());
    assert!(!overload.sheds(Point::StopAcceptingRequests));
    assert_eq!(overload.timeout(TimerKind::HttpDownstreamStreamIdle, MINUTE), MINUTE);
    assert!(!overload.accepts_nothing());
}

#[test]
fn a_share_is_shed_and_counted() {
    let (overload, registry) = state(&shedding(Point::TcpListenerAccept, 0.25));
    let shed = (0..4000).filter(|_| overload.sheds(Point::TcpListenerAccept)).count();
    assert!((900..1100).contains(&shed), "{shed}");
    assert!(!overload.sheds(Point::StopAcceptingRequests));
    let block = registry.block(0, BLOCK, BlockKind::Filter);
    assert_eq!(block.get(LoadShedStat::LoadShedShedLoadCount), shed as u64);
}

#[test]
fn all_is_shed_in_the_end_and_nothing_after_it() {
    let (overload, registry) = state(&shedding(Point::TcpListenerAccept, 1.0));
    assert!((0..1000).all(|_| overload.sheds(Point::TcpListenerAccept)));
    overload.set(&proto::Overload::default(), &registry, 0);
    assert!(!overload.sheds(Point::TcpListenerAccept));
}

#[test]
fn timeouts_go_down_to_their_shortest() {
    let second = Shortest::Ms(1000);
    for (shortest, reduced, seconds) in [
        (second, 0.0, 60.0),
        (second, 0.5, 30.5),
        (second, 1.0, 1.0),
        (Shortest::Share(0.1), 1.0, 6.0),
        (Shortest::Ms(90_000), 1.0, 60.0),
    ] {
        let (overload, _) = state(&reducing(shortest, reduced));
        let timeout = overload.timeout(TimerKind::HttpDownstreamStreamIdle, MINUTE);
        assert_eq!(timeout.as_secs_f64(), seconds);
        assert_eq!(overload.timeout(TimerKind::HttpDownstreamConnectionIdle, MINUTE), MINUTE);
    }
}
