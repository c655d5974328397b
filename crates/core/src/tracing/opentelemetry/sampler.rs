//! Which traced requests have spans that are reported.
//! <https://opentelemetry.io/docs/specs/otel/trace/sdk/#built-in-samplers>

use crate::compile::{At, CompileError, Result};
use crate::proto::{self, trace_sampler::Kind};

pub enum Sampler {
    AlwaysOn,
    /// So many of so many traces.
    TraceIdRatio {
        numerator: u64,
        denominator: u64,
    },
    /// As the parent is; this one decides where there is none.
    ParentBased(Box<Sampler>),
}

impl Sampler {
    /// # Errors
    /// A sampler is missing.
    pub fn compile(message: &proto::TraceSampler) -> Result<Self> {
        Ok(match &message.kind {
            Some(Kind::AlwaysOn(_)) => Self::AlwaysOn,
            Some(Kind::TraceIdRatio(share)) => Self::TraceIdRatio {
                numerator: share.numerator.into(),
                denominator: share.denominator.max(1).into(),
            },
            Some(Kind::ParentBased(inner)) => {
                Self::ParentBased(Box::new(Self::compile(inner).at("parent_based")?))
            }
            None => return Err(CompileError::new("a sampler is missing")),
        })
    }

    /// `trace_high`: the upper half of the trace's id; `parent`: whether the parent is sampled, if there is one.
    pub fn samples(&self, trace_high: u64, parent: Option<bool>) -> bool {
        match self {
            Self::AlwaysOn => true,
            // As Envoy reads these bytes, so that both choose the same traces.
            Self::TraceIdRatio { numerator, denominator } => {
                trace_high.swap_bytes() % denominator < *numerator
            }
            Self::ParentBased(inner) => parent.unwrap_or_else(|| inner.samples(trace_high, None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Sampler;

    #[test]
    fn a_sampler_decides_by_the_trace_or_by_the_parent() {
        let ratio = |numerator| Sampler::TraceIdRatio { numerator, denominator: 100 };
        let trace = 0x0af7_6519_16cd_43dd;
        assert!(ratio(79).samples(trace, Some(false)));
        assert!(!ratio(78).samples(trace, Some(true)));
        let parent = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
        assert_eq!(
            [Some(true), Some(false), None].map(|it| parent.samples(1, it)),
            [true, false, true]
        );
        assert!(Sampler::AlwaysOn.samples(0, Some(false)));
    }
}
