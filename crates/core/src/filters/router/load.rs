//! What hosts report of their load in responses.

use super::attempt::Upstream;
use super::parties::Parties;
use crate::body::BodySource;
use crate::headers::Headers;
use crate::upstream::load_report::read;

impl Upstream {
    /// Takes the report in the head of a response. As in Envoy, one counts for all attempts at a request.
    pub(super) fn take_load(&self, parties: &mut Parties<'_>) {
        parties.load_taken = parties.load_taken || self.take(&parties.stream.response);
    }

    /// The same of trailers.
    pub(super) fn take_load_of_trailers(&self, parties: &mut Parties<'_>) {
        if self.wire.passes_trailers() {
            parties.load_taken = parties.load_taken || self.take(self.wire.trailers());
        }
    }

    fn take(&self, headers: &Headers) -> bool {
        let Some(weights) = &self.cluster.config().load_weights else { return false };
        let report = read(headers);
        report.iter().for_each(|report| weights.take(report, &self.host));
        report.is_some()
    }
}
