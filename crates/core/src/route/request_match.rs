//! A route's match on its own, for filters that have rules of their own.

use super::conditions::Conditions;
use super::path_match::{without_query, PathMatch};
use super::RouteContext;
use crate::compile::Result;
use crate::headers::{HeaderId, Headers};
use crate::matcher::Regexes;
use crate::proto;

pub struct RequestMatch {
    path: PathMatch,
    conditions: Conditions,
}

impl RequestMatch {
    /// # Errors
    /// A matcher that cannot be taken.
    pub fn compile(message: &proto::RouteMatch, regexes: &Regexes) -> Result<Self> {
        Ok(Self {
            path: PathMatch::compile(message, regexes)?,
            conditions: Conditions::compile(message, regexes)?,
        })
    }

    pub fn matches(&self, request: &Headers, context: &RouteContext<'_>) -> bool {
        let target = request.get(HeaderId::Path);
        self.path.matches(target.map(without_query), request)
            && self.conditions.hold(request, target.unwrap_or_default(), context)
    }
}
