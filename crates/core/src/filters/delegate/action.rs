//! What a tree says of a filter.

use std::sync::Arc;

use super::filters;
use crate::compile::{At, CompileError, Result};
use crate::filters::Filter;
use crate::matcher::Regexes;
use crate::proto::{self, delegate_action::Kind};
use crate::runtime::Fraction;

/// Of a composite filter, or one in a match_delegate filter.
pub enum DelegateAction {
    Skip,
    Execute(Execute),
}

/// Filters take the place of a composite filter.
pub struct Execute {
    /// As logs tell it.
    pub name: String,
    pub source: Source,
    /// Of the requests; none: all.
    pub sampled: Option<Fraction>,
}

pub enum Source {
    Own(Arc<[Filter]>),
    /// The name of one of the composite filter's chains.
    Chain(Box<str>),
}

impl DelegateAction {
    /// # Errors
    /// A filter that cannot be, with its path.
    pub fn compile(message: &proto::MatchAction, regexes: &Regexes) -> Result<Self> {
        let execute = match message.delegate.as_ref().and_then(|delegate| delegate.kind.as_ref()) {
            Some(Kind::Skip(_)) => return Ok(Self::Skip),
            Some(Kind::Execute(execute)) => execute,
            None => return Err(CompileError::new("an action says nothing")),
        };
        let source = match execute.chain.as_str() {
            "" => Source::Own(filters(&execute.filters, regexes).at("execute")?),
            name => Source::Chain(name.into()),
        };
        let sampled = execute.sampled.as_ref().map(Fraction::compile);
        Ok(Self::Execute(Execute { name: execute.name.clone(), source, sampled }))
    }

    /// The filters that it brings itself.
    pub fn filters(&self) -> &[Filter] {
        match self {
            Self::Execute(Execute { source: Source::Own(filters), .. }) => filters,
            _ => &[],
        }
    }
}
