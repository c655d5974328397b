//! Which redirects of an upstream the proxy follows itself.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_connection_management#internal-redirects>

use std::sync::Arc;

use crate::headers::HeaderName;
use crate::proto;
use crate::proto::internal_redirect::predicate::Kind;

/// `envoy.config.route.v3.InternalRedirectPolicy`.
pub struct InternalRedirect {
    statuses: Vec<u32>,
    /// Of one request of a client.
    pub max_redirects: u32,
    pub allow_cross_scheme: bool,
    pub headers_to_copy: Vec<HeaderName>,
    predicates: Vec<Predicate>,
}

enum Predicate {
    AllowListedRoutes(Vec<Box<str>>),
    PreviousRoutes,
    SafeCrossScheme,
}

/// A redirect from a route to another.
pub struct Hop<'a> {
    pub from: &'a Arc<str>,
    pub to: &'a Arc<str>,
    /// The client's request, and the one that is to follow it, are for https.
    pub from_https: bool,
    pub to_https: bool,
}

/// From which routes a request has been redirected, and to which.
pub type VisitedRoutes = Vec<(Arc<str>, Arc<str>)>;

impl InternalRedirect {
    pub(super) fn compile(message: &proto::InternalRedirect) -> Self {
        let predicate =
            |message: &proto::internal_redirect::Predicate| match message.kind.as_ref()? {
                Kind::AllowListedRoutes(routes) => Some(Predicate::AllowListedRoutes(
                    routes.names.iter().map(|name| name.as_str().into()).collect(),
                )),
                Kind::PreviousRoutes(_) => Some(Predicate::PreviousRoutes),
                Kind::SafeCrossScheme(_) => Some(Predicate::SafeCrossScheme),
            };
        Self {
            statuses: message.statuses.clone(),
            max_redirects: message.max_redirects,
            allow_cross_scheme: message.allow_cross_scheme,
            headers_to_copy: message.headers_to_copy.iter().map(|n| HeaderName::new(n)).collect(),
            predicates: message.predicates.iter().filter_map(predicate).collect(),
        }
    }

    /// Whether responses of this status are followed.
    pub fn concerns(&self, status: u16) -> bool {
        self.statuses.contains(&status.into())
    }

    /// Whether every predicate lets the request go there. `visited` has the hop then.
    pub fn accepts(&self, hop: &Hop<'_>, visited: &mut VisitedRoutes) -> bool {
        self.predicates.iter().all(|predicate| match predicate {
            Predicate::AllowListedRoutes(names) => names.iter().any(|name| **name == **hop.to),
            Predicate::PreviousRoutes => {
                let known = visited.iter().any(|(from, to)| from == hop.from && to == hop.to);
                if !known {
                    visited.push((hop.from.clone(), hop.to.clone()));
                }
                !known
            }
            Predicate::SafeCrossScheme => hop.from_https || !hop.to_https,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Hop, InternalRedirect, VisitedRoutes};
    use crate::proto;
    use crate::proto::internal_redirect::predicate::Kind;
    use crate::proto::internal_redirect::{AllowListedRoutes, Predicate};

    fn policy(kinds: Vec<Kind>) -> InternalRedirect {
        let predicate = |kind| Predicate { kind: Some(kind) };
        InternalRedirect::compile(&proto::InternalRedirect {
            statuses: vec![302, 307],
            predicates: kinds.into_iter().map(predicate).collect(),
            ..Default::default()
        })
    }

    fn accepts(
        policy: &InternalRedirect,
        to: &str,
        https: (bool, bool),
        seen: &mut VisitedRoutes,
    ) -> bool {
        let (from, to): (Arc<str>, Arc<str>) = ("a".into(), to.into());
        policy.accepts(&Hop { from: &from, to: &to, from_https: https.0, to_https: https.1 }, seen)
    }

    #[test]
    fn only_its_statuses_are_followed() {
        let policy = policy(vec![]);
        assert!(policy.concerns(302) && policy.concerns(307));
        assert!(!policy.concerns(301) && !policy.concerns(200));
    }

    #[test]
    fn every_predicate_has_to_accept() {
        let names = vec!["b".to_owned()];
        let listed = || Kind::AllowListedRoutes(AllowListedRoutes { names: names.clone() });
        let both = policy(vec![Kind::SafeCrossScheme(true), listed()]);
        let mut seen = VisitedRoutes::new();
        assert!(accepts(&both, "b", (false, false), &mut seen));
        assert!(!accepts(&both, "c", (false, false), &mut seen));
        assert!(!accepts(&both, "b", (false, true), &mut seen));
        assert!(accepts(&both, "b", (true, true), &mut seen));
        assert!(accepts(&both, "b", (true, false), &mut seen));
    }

    #[test]
    fn a_route_redirects_once_to_another() {
        let previous = policy(vec![Kind::PreviousRoutes(true)]);
        let mut seen = VisitedRoutes::new();
        assert!(accepts(&previous, "b", (false, false), &mut seen));
        assert!(accepts(&previous, "c", (false, false), &mut seen));
        assert!(!accepts(&previous, "b", (false, false), &mut seen));
    }
}
