//! Who is checked: the hosts of a cluster as they come and go.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::Arc;

use tokio::task::{spawn_local, AbortHandle};

use super::session::{Checked, Session};
use super::target::CheckContext;
use super::HealthChecker;
use crate::upstream::host::HostStats;
use crate::upstream::{ClusterShared, Host, HostSets};

/// A host that is checked, until this is dropped.
struct Running {
    checked: Rc<Checked>,
    /// By check.
    sessions: Box<[(Rc<Session>, AbortHandle)]>,
}

impl Running {
    fn begin(context: &Rc<CheckContext>, shared: &Arc<ClusterShared>, host: &Arc<Host>) -> Self {
        let count = shared.health_checker().map_or(0, |checker| checker.checks.len());
        let checked = Checked::new(host.clone(), count);
        let begin = |index| {
            let session = Session::new(context.clone(), shared.clone(), checked.clone(), index);
            let task = spawn_local(session.clone().run()).abort_handle();
            (session, task)
        };
        Self { sessions: (0..count).map(begin).collect(), checked }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.sessions.iter().for_each(|(_, task)| task.abort());
    }
}

/// By endpoint.
type Sessions = HashMap<*const HostStats, Running>;

/// Checks the hosts of a cluster. `on_first` is called after the first round.
pub async fn check_hosts(
    shared: Arc<ClusterShared>,
    context: Rc<CheckContext>,
    on_first: impl Fn(),
) {
    let Some(checker) = shared.health_checker() else { return };
    let mut sessions = Sessions::new();
    let mut known: Option<Arc<HostSets>> = None;
    loop {
        let sets = shared.host_sets();
        if !known.as_ref().is_some_and(|known| Arc::ptr_eq(known, &sets)) {
            follow(&mut sessions, &sets, |host| Running::begin(&context, &shared, host));
            known = Some(sets);
        }
        if checker.flags_changed.swap(false, Relaxed) {
            fail_passively(&sessions, checker);
            shared.take_checks();
        }
        let waiting = || sessions.values().any(|running| running.checked.is_new());
        if !checker.had_first_round() && shared.resolved() && !waiting() {
            checker.first_round.store(true, Release);
            on_first();
        }
        checker.changed.notified().await;
    }
}

/// Begins with hosts that are new, and ends with those that are gone.
fn follow(sessions: &mut Sessions, sets: &HostSets, begin: impl Fn(&Arc<Host>) -> Running) {
    let mut old = std::mem::take(sessions);
    for host in sets.hosts().filter(|host| host.is_checked()) {
        let endpoint = Arc::as_ptr(&host.stats);
        let running = match old.remove(&endpoint) {
            Some(running) => {
                *running.checked.host.borrow_mut() = host.clone();
                running
            }
            None => begin(host),
        };
        sessions.insert(endpoint, running);
    }
}

fn fail_passively(sessions: &Sessions, checker: &HealthChecker) {
    for Running { checked, sessions } in sessions.values() {
        if checked.host.borrow().stats.failed_passively.swap(false, Relaxed) {
            // The last check is told, as in Envoy.
            sessions.last().inspect(|(session, _)| session.fail_passively(checker));
        }
    }
}
