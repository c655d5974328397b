//! The RBAC filter: who may ask for what.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rbac_filter>

use serde_json::Value;

use super::of_route;
use crate::compile::{At, CompileError, Result};
use crate::formatter::LogType;
use crate::http::stream::{Answer, Stream};
use crate::matcher::Regexes;
use crate::proto::{self, RbacShadowStat, RbacStat};
use crate::rbac::{Rules, Subject, Verdict, VerdictKeys, LOG_KEY, LOG_NAMESPACE};
use crate::route::FilterConfig;
use crate::stats::{BlockKind, Family};

const NAMESPACE: &str = "envoy.filters.http.rbac";

static POLICY: Family = Family { counters: &["allowed", "denied"], histograms: &[] };
static SHADOW_POLICY: Family =
    Family { counters: &["shadow_allowed", "shadow_denied"], histograms: &[] };

pub struct Rbac {
    stats_block: u32,
    shadow_stats_block: u32,
    config: RbacConfig,
    keys: VerdictKeys,
    shadow_keys: VerdictKeys,
}

/// What the filter or a route says.
pub struct RbacConfig {
    rules: Option<Rules>,
    shadow_rules: Option<Rules>,
    /// None: the filter's.
    keys: Option<VerdictKeys>,
    shadow_keys: Option<VerdictKeys>,
    counts_policies: bool,
}

impl RbacConfig {
    /// # Errors
    /// A rule that cannot be taken, with its path.
    pub fn compile(message: &proto::RbacConfig, regexes: &Regexes) -> Result<Self> {
        let compile = |rules: &Option<proto::RbacRules>, field: &str| {
            rules.as_ref().map(|rules| Rules::compile(rules, regexes)).transpose().at(field)
        };
        Ok(Self {
            rules: compile(&message.rules, "rules")?,
            shadow_rules: compile(&message.shadow_rules, "shadow_rules")?,
            keys: (!message.prefix.is_empty()).then(|| keys(&message.prefix)),
            shadow_keys: (!message.shadow_prefix.is_empty())
                .then(|| shadow_keys(&message.shadow_prefix)),
            counts_policies: message.track_per_rule_stats,
        })
    }
}

fn keys(prefix: &str) -> VerdictKeys {
    VerdictKeys::new(&format!("{prefix}enforced"))
}

fn shadow_keys(prefix: &str) -> VerdictKeys {
    VerdictKeys::new(&format!("{prefix}shadow"))
}

impl Rbac {
    /// # Errors
    /// A rule that cannot be taken, with its path.
    pub fn compile(message: &proto::RbacFilter, regexes: &Regexes) -> Result<Self> {
        let config = message.config.as_ref();
        let config = config.ok_or_else(|| CompileError::new("the configuration is missing"))?;
        Ok(Self {
            stats_block: message.stats_block,
            shadow_stats_block: message.shadow_stats_block,
            keys: keys(&config.prefix),
            shadow_keys: shadow_keys(&config.shadow_prefix),
            config: RbacConfig::compile(config, regexes).at("config")?,
        })
    }

    /// # Errors
    /// The request is denied.
    pub fn request(&self, name: &str, stream: &mut Stream) -> std::result::Result<(), Answer> {
        let of_route = of_route(name, stream, |config| match config {
            FilterConfig::Rbac(config) => Some(config),
            _ => None,
        });
        let config = of_route.as_deref().unwrap_or(&self.config);
        let counts = config.counts_policies;
        let shadow = config.shadow_rules.as_ref().map(|rules| self.shadow(rules, counts, stream));
        let enforced = config.rules.as_ref().map(|rules| self.judge(rules, counts, stream));
        // What is left is for filters after this one: no rule of it sees the other verdict.
        if let Some(verdict) = shadow {
            note(&verdict, config.shadow_keys.as_ref().unwrap_or(&self.shadow_keys), stream);
        }
        let Some(verdict) = enforced else { return Ok(()) };
        note(&verdict, config.keys.as_ref().unwrap_or(&self.keys), stream);
        match verdict.allowed {
            true => Ok(()),
            false => Err(Answer {
                details: verdict.details().into(),
                ..Answer::new(403, "RBAC: access denied", "")
            }),
        }
    }

    fn shadow<'a>(&self, rules: &'a Rules, counts: bool, stream: &mut Stream) -> Verdict<'a> {
        let verdict = ask(rules, stream);
        let block = stream.worker.kept_block(self.shadow_stats_block, BlockKind::Filter);
        block.inc(match verdict.allowed {
            true => RbacShadowStat::RbacShadowShadowAllowed,
            false => RbacShadowStat::RbacShadowShadowDenied,
        });
        if counts {
            verdict.count(&block, &SHADOW_POLICY);
        }
        verdict
    }

    fn judge<'a>(&self, rules: &'a Rules, counts: bool, stream: &mut Stream) -> Verdict<'a> {
        let verdict = ask(rules, stream);
        let block = stream.worker.kept_block(self.stats_block, BlockKind::Filter);
        block.inc(match verdict.allowed {
            true => RbacStat::RbacAllowed,
            false => RbacStat::RbacDenied,
        });
        if counts {
            verdict.count(&block, &POLICY);
        }
        verdict
    }
}

fn ask<'a>(rules: &'a Rules, stream: &mut Stream) -> Verdict<'a> {
    let verdict = {
        let info = &stream.info;
        let state = info.connection.state.borrow();
        rules.judge(&Subject {
            context: Some(stream.context(LogType::NotSet)),
            ..Subject::of_request(info, &state, Some(&stream.request))
        })
    };
    if let Some(logged) = verdict.logged {
        stream.info.set_metadata(LOG_NAMESPACE, LOG_KEY, Value::from(logged));
    }
    verdict
}

/// Leaves the verdict in dynamic metadata.
fn note(verdict: &Verdict<'_>, keys: &VerdictKeys, stream: &mut Stream) {
    keys.note(verdict, |key, value| stream.info.set_metadata(NAMESPACE, key, value));
}
