//! What stands for a composite or match_delegate filter in one request.

use std::sync::Arc;

use super::DelegateTree;
use crate::filters::{Filter, PLACES};
use crate::http::stream::Stream;

pub struct StandIn {
    /// Of the filter that it stands for.
    pub place: usize,
    /// What has yet to decide; none: it has.
    pub(super) tree: Option<Arc<DelegateTree>>,
    /// In the order in which they see requests.
    pub(super) filters: Arc<[Filter]>,
    /// The request has come to the filter.
    pub(super) has_request: bool,
    /// A response has.
    pub(super) has_response: bool,
}

impl StandIn {
    /// `wrapped` stands for the filter as long as the tree does not decide; without a tree nothing does.
    pub(super) fn new(
        place: usize,
        tree: Option<Arc<DelegateTree>>,
        wrapped: &Arc<[Filter]>,
        has_request: bool,
    ) -> Self {
        let filters = match &tree {
            Some(_) => wrapped.clone(),
            None => Arc::from([]),
        };
        Self { place, tree, filters, has_request, has_response: false }
    }
}

pub(super) fn of(stream: &mut Stream, place: usize) -> Option<&mut StandIn> {
    stream.stand_ins.iter_mut().find(|stand_in| stand_in.place == place)
}

/// The filters that stand for the one at `place`.
pub(super) fn filters(stream: &Stream, place: usize) -> Arc<[Filter]> {
    let found = stream.stand_ins.iter().find(|stand_in| stand_in.place == place);
    found.map_or_else(|| Arc::from([]), |stand_in| stand_in.filters.clone())
}

/// Whether the filter at `place` stood for another, and does no longer.
pub fn is_skipped(stream: &Stream, place: usize) -> bool {
    let stands_for = place - place % PLACES;
    stands_for != place
        && stream.stand_ins.iter().any(|it| it.place == stands_for && it.filters.is_empty())
}
