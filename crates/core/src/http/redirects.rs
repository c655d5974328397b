//! Redirects that the proxy follows in place of the client: the request is made again as one of its own.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_connection_management#internal-redirects>

use serde_json::Value;

use super::stream::Stream;
use crate::clock;
use crate::filters::bodies::Bodies;
use crate::headers::HeaderId;
use crate::http1::BodyLength;
use crate::route::VisitedRoutes;

/// The filter state that tells how many were followed.
const COUNT: &str = "num_internal_redirects";

/// How a request came about by redirects, and whether another is to be followed.
#[derive(Default)]
pub struct Redirects {
    followed: u32,
    visited: VisitedRoutes,
    /// The body of the request that is to be made in place of this one.
    next: Option<Vec<u8>>,
}

impl Redirects {
    pub fn followed(&self) -> u32 {
        self.followed
    }

    pub fn visited(&mut self) -> &mut VisitedRoutes {
        &mut self.visited
    }
}

impl Stream {
    /// What is known of redirects, one of which is being considered.
    pub fn redirects(&mut self) -> &mut Redirects {
        if self.redirects.is_none() {
            self.info.set_filter_state(COUNT, Value::from(0));
        }
        self.redirects.get_or_insert_default()
    }

    /// Decides that the request, as it is now and with this body, is made again.
    pub fn follow_redirect(&mut self, body: Vec<u8>) {
        let redirects = self.redirects();
        redirects.followed += 1;
        redirects.next = Some(body);
        let followed = redirects.followed;
        self.info.set_filter_state(COUNT, Value::from(followed));
        self.info.details = "internal_redirect".into();
    }

    /// It was made in place of one whose redirect was followed.
    pub fn follows_redirect(&self) -> bool {
        self.redirects.as_ref().is_some_and(|redirects| redirects.followed > 0)
    }

    /// The response of this request is followed by another request, and not for the client.
    pub fn is_redirected(&self) -> bool {
        self.redirects.as_ref().is_some_and(|redirects| redirects.next.is_some())
    }

    /// The request that follows this one, which has ended; None when its response is for the client. It knows of
    /// the client's connection, of the request's head and of what was read for it, and of no filter.
    pub fn take_redirect(&mut self) -> Option<Box<Self>> {
        let body = self.redirects.as_mut()?.next.take()?;
        let (worker, manager) = (self.worker.clone(), self.manager.clone());
        let mut next = Self::new(worker, manager, self.info.connection.clone(), clock::now());
        let mut head = self.head;
        if body.is_empty() {
            head.body = BodyLength::Empty;
        }
        next.begin(head);
        next.request_complete();
        next.request = std::mem::take(&mut self.request);
        next.internal = self.internal;
        next.random = self.random;
        next.close = self.close;
        next.info.protocol = self.info.protocol;
        next.info.bytes_received = self.info.bytes_received + body.len() as u64;
        next.bodies = Some(Box::new(Bodies::with_request(body)));
        next.redirects = self.redirects.take();
        let followed = next.redirects().followed;
        next.info.set_filter_state(COUNT, Value::from(followed));
        Some(Box::new(next))
    }

    /// Makes the request a GET without a body, as 303 asks for (RFC 9110 section 15.4.4). False when it is one.
    pub fn become_get(&mut self) -> bool {
        let changes = !matches!(self.request.get(HeaderId::Method), Some(b"GET" | b"HEAD"));
        if changes {
            self.request.set(HeaderId::Method, b"GET");
            self.request.remove(HeaderId::ContentLength);
        }
        changes
    }
}
