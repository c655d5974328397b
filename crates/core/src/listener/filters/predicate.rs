//! `filter_disabled`: connections that a listener filter leaves alone.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto#config-listener-v3-listenerfilterchainmatchpredicate>

use super::Subject;
use crate::compile::{each, At, CompileError, Result};
use crate::proto::{self, listener_predicate::Kind};

#[derive(Clone, Debug)]
pub enum Predicate {
    Or(Vec<Predicate>),
    And(Vec<Predicate>),
    Not(Box<Predicate>),
    Any,
    /// The first port, and the one after the last.
    DestinationPort(i64, i64),
}

impl Predicate {
    /// # Errors
    /// Nothing to hold.
    pub fn compile(message: &proto::ListenerPredicate) -> Result<Self> {
        let all = |set: &proto::listener_predicate::Predicates| {
            each(&set.predicates, "predicates", Self::compile)
        };
        Ok(match &message.kind {
            Some(Kind::Or(set)) => Self::Or(all(set).at("or")?),
            Some(Kind::And(set)) => Self::And(all(set).at("and")?),
            Some(Kind::Not(inner)) => Self::Not(Box::new(Self::compile(inner).at("not")?)),
            Some(Kind::Any(_)) => Self::Any,
            Some(Kind::DestinationPort(range)) => Self::DestinationPort(range.start, range.end),
            None => return Err(CompileError::new("a predicate needs a rule")),
        })
    }

    pub fn holds(&self, subject: &Subject) -> bool {
        match self {
            Self::Or(all) => all.iter().any(|each| each.holds(subject)),
            Self::And(all) => all.iter().all(|each| each.holds(subject)),
            Self::Not(inner) => !inner.holds(subject),
            Self::Any => true,
            Self::DestinationPort(start, end) => {
                let port = subject.local.ip().map(|ip| i64::from(ip.port()));
                port.is_some_and(|port| (*start..*end).contains(&port))
            }
        }
    }
}
