//! Which host an attempt goes to.

use std::future::{poll_fn, Future};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use super::super::failure::Failure;
use super::super::hash::hash;
use super::super::hedging::Stop;
use super::Forwarding;
use crate::lb::LbContext;
use crate::upstream::dns_cache::CacheFull;
use crate::upstream::{Cluster, Host, Target};

impl Forwarding<'_> {
    /// A host, and the cluster that it is of: in place of an aggregate one of its members.
    pub(super) fn choose_host(&mut self) -> Option<(Rc<Cluster>, Arc<Host>)> {
        let policy = self.retries.policy();
        let stream = &*self.parties.stream;
        let retry_priority = self.retries.priority();
        let Target { cluster, at } =
            self.cluster.target(&stream.worker.clusters, retry_priority)?;
        let (request, info) = (&stream.request, &stream.info);
        if at.is_some() {
            self.names = cluster.config().auto_names.as_ref().map(|auto| auto.of(request));
        }
        let hash = hash(&cluster, self.forward, request, info, &mut self.cookies);
        let context = LbContext {
            hash,
            at,
            retry_priority,
            tried_named: Some(&self.tried_named),
            criteria: self.forward.criteria(stream.choice.as_ref()),
            avoid: &self.retries.tried,
            max_attempts: policy.map_or(1, |policy| policy.host_selection_max_attempts),
            avoid_canary: policy.is_some_and(|policy| policy.omit_canary_hosts)
                && self.retries.made() > 0,
            connection: Some(&stream.info.connection),
            headers: Some(&stream.request),
            metadata: stream.info.dynamic_metadata.as_deref(),
            filter_state: stream.info.filter_state.as_deref(),
            names: self.names.as_ref(),
            ..LbContext::default()
        };
        let host = cluster.choose_host(&context)?;
        if let Some(retry_priority) = retry_priority.filter(|_| at.is_none()) {
            retry_priority.note(host.priority as usize);
        }
        Some((cluster, host))
    }

    /// The host that there is once its name is resolved, where requests name the hosts of the cluster.
    ///
    /// # Errors
    /// There is no host, or the request is over before.
    pub(super) async fn resolve_host(&mut self) -> Result<(Rc<Cluster>, Arc<Host>), Stop> {
        let stream = &mut *self.parties.stream;
        let context = LbContext {
            connection: Some(&stream.info.connection),
            headers: Some(&stream.request),
            filter_state: stream.info.filter_state.as_deref(),
            ..LbContext::default()
        };
        let mut loading = match self.cluster.resolve(&context) {
            Ok(loading) => pin!(loading),
            Err(details) => {
                self.cluster.count_no_host();
                return Err(Failure::NoHost { details }.into());
            }
        };
        stream.waited = true;
        let found = poll_fn(|cx| match loading.as_mut().poll(cx) {
            Poll::Ready(found) => Poll::Ready(Ok(found)),
            Poll::Pending => self.parties.poll_stopped(cx).map(Err),
        })
        .await?;
        let details = match found {
            Ok(found) => found.details.to_string().into(),
            Err(CacheFull) => {
                self.cluster.count_no_host();
                return Err(Failure::NoHost { details: CacheFull::DETAILS.into() }.into());
            }
        };
        self.choose_host().ok_or(Failure::NoHost { details }.into())
    }
}
