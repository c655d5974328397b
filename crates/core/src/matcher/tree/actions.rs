//! Walking over all actions of a tree.

use super::{Kind, Matcher, OnMatch};

impl<A> Matcher<A> {
    /// Calls `visit` with every action that the tree may give.
    pub fn each_action(&self, visit: &mut dyn FnMut(&A)) {
        match &self.kind {
            Kind::None => {}
            Kind::List(list) => list.iter().for_each(|(_, found)| found.each_action(visit)),
            Kind::Exact(_, map) => map.values().for_each(|found| found.each_action(visit)),
            Kind::Prefix(_, all) => all.iter().for_each(|(_, found)| found.each_action(visit)),
            Kind::Ranges(_, _, all) => all.iter().for_each(|(found, _)| found.each_action(visit)),
            Kind::Domains(_, _, all) => all.iter().for_each(|found| found.each_action(visit)),
        }
        if let Some(otherwise) = &self.on_no_match {
            otherwise.each_action(visit);
        }
    }
}

impl<A> OnMatch<A> {
    fn each_action(&self, visit: &mut dyn FnMut(&A)) {
        match self {
            Self::Action(action) => visit(action),
            Self::Matcher(matcher) => matcher.each_action(visit),
        }
    }
}
