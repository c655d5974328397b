//! What a rate limit service is asked.

use crate::http::stream::Stream;
use crate::proto::service::{self, descriptor, Number, RateLimitRequest, Unit};
use crate::ratelimit::{Descriptor, Override};

/// Where filter state has how much a request counts.
const HITS: &str = "envoy.ratelimit.hits_addend";

pub fn request(domain: &str, descriptors: Vec<Descriptor>, stream: &Stream) -> RateLimitRequest {
    RateLimitRequest {
        domain: domain.to_owned(),
        descriptors: descriptors.into_iter().map(descriptor).collect(),
        hits_addend: hits(stream).unwrap_or(0),
    }
}

fn descriptor(from: Descriptor) -> service::Descriptor {
    let entries = from.entries.into_iter();
    service::Descriptor {
        entries: entries.map(|(key, value)| descriptor::Entry { key, value }).collect(),
        limit: from.limit.map(limit),
        hits_addend: from.given_hits.then_some(Number { value: from.hits }),
        is_negative_hits: from.gives_back,
    }
}

fn limit(from: Override) -> descriptor::Override {
    let unit = Unit::from_str_name(&from.unit).unwrap_or_default();
    descriptor::Override {
        requests_per_unit: from.requests_per_unit,
        unit: unit.into(),
        unit_multiplier: None,
    }
}

fn hits(stream: &Stream) -> Option<u32> {
    let state = stream.info.filter_state.as_deref()?;
    state.get(HITS)?.as_str()?.parse().ok()
}
