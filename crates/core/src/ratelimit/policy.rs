//! The rate limits of a route, a virtual host or a filter: each makes a descriptor of a request, if it concerns it.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-ratelimit>

use super::action::{Action, Made};
use super::descriptor::{Descriptor, Override};
use crate::compile::{each, At, Result};
use crate::formatter::{Formatter, LogType};
use crate::http::stream::Stream;
use crate::matcher::Regexes;
use crate::proto::{self, rate_limit};
use crate::runtime::Fraction;

/// In their order.
#[derive(Default)]
pub struct RateLimits(Vec<RateLimit>);

struct RateLimit {
    stage: u32,
    disable_key: String,
    actions: Vec<Action>,
    hits: Hits,
    gives_back: bool,
    headers: Option<bool>,
    /// Of `disable_key`.
    switch: Option<Fraction>,
    /// Where in dynamic metadata the limit is that a service is to use.
    limit: Vec<String>,
}

/// How many tokens a request takes.
enum Hits {
    One,
    Fixed(u64),
    /// As a format says, which gives a number.
    Format(Formatter),
}

impl RateLimits {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(messages: &[proto::RateLimit], field: &str, regexes: &Regexes) -> Result<Self> {
        each(messages, field, |message| RateLimit::compile(message, regexes)).map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the descriptors of a request; those that name a key of runtime to disable them with are left out if
    /// `stage` is given, and so are those of other stages.
    pub fn describe(&self, stage: Option<u32>, stream: &Stream, out: &mut Vec<Descriptor>) {
        let concerns = |limit: &&RateLimit| {
            stage.is_none_or(|stage| limit.stage == stage && limit.disable_key.is_empty())
        };
        out.extend(self.0.iter().filter(concerns).filter_map(|limit| limit.descriptor(stream)));
    }
}

impl RateLimits {
    /// The same for those of a stage that runtime has not disabled.
    pub fn describe_enabled(&self, stage: u32, stream: &Stream, out: &mut Vec<Descriptor>) {
        let runtime = stream.worker.current_runtime();
        let enabled = |limit: &&RateLimit| {
            let switch = limit.switch.as_ref();
            switch.is_none_or(|switch| switch.hit(&runtime, &stream.worker.random))
        };
        let of_stage = self.0.iter().filter(|limit| limit.stage == stage).filter(enabled);
        // As in Envoy, what these limits say of hits does not count.
        out.extend(of_stage.filter_map(|limit| {
            let descriptor = limit.descriptor(stream)?;
            Some(Descriptor { given_hits: false, gives_back: false, ..descriptor })
        }));
    }
}

impl RateLimit {
    fn compile(message: &proto::RateLimit, regexes: &Regexes) -> Result<Self> {
        let actions = each(&message.actions, "actions", |a| Action::compile(a, regexes))?;
        let hits = match &message.hits {
            None => Hits::One,
            Some(rate_limit::Hits::Number(number)) => Hits::Fixed(*number),
            Some(rate_limit::Hits::Format(format)) => {
                Hits::Format(Formatter::compile(format).at("hits")?)
            }
        };
        let headers = match message.headers() {
            rate_limit::Headers::Unspecified => None,
            rate_limit::Headers::Off => Some(false),
            rate_limit::Headers::On => Some(true),
        };
        Ok(Self {
            stage: message.stage,
            disable_key: message.disable_key.clone(),
            actions,
            hits,
            gives_back: message.gives_back,
            headers,
            switch: switch(&message.disable_key),
            limit: message.limit.clone(),
        })
    }

    fn descriptor(&self, stream: &Stream) -> Option<Descriptor> {
        let mut entries = Vec::with_capacity(self.actions.len());
        for action in &self.actions {
            match action.make(stream) {
                Made::Entry(entry) => entries.push(entry),
                Made::Nothing => {}
                Made::NoDescriptor => return None,
            }
        }
        if entries.is_empty() {
            return None;
        }
        let hits = self.hits.of(stream)?;
        Some(Descriptor {
            entries,
            hits,
            given_hits: !matches!(self.hits, Hits::One),
            gives_back: self.gives_back,
            headers: self.headers,
            limit: self.override_of(stream),
        })
    }

    fn override_of(&self, stream: &Stream) -> Option<Override> {
        let (first, rest) = self.limit.split_first()?;
        let all = stream.info.dynamic_metadata.as_deref()?;
        let found = rest.iter().try_fold(all.get(first)?, |value, key| value.get(key))?;
        let number = found.get("requests_per_unit")?.as_f64()?;
        let unit = found.get("unit")?.as_str()?.to_owned();
        Some(Override { requests_per_unit: number as u32, unit })
    }
}

fn switch(disable_key: &str) -> Option<Fraction> {
    let runtime_key = format!("ratelimit.{disable_key}.http_filter_enabled");
    let share = proto::RuntimeFraction { runtime_key, numerator: 100, denominator: 100 };
    (!disable_key.is_empty()).then(|| Fraction::compile(&share))
}

impl Hits {
    fn of(&self, stream: &Stream) -> Option<u64> {
        match self {
            Self::One => Some(1),
            Self::Fixed(number) => Some(*number),
            Self::Format(format) => {
                let mut text = Vec::new();
                format.format(&stream.context(LogType::NotSet), &mut text);
                std::str::from_utf8(&text).ok()?.parse().ok()
            }
        }
    }
}
