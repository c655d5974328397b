//! The RBAC filter: who may ask for what.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rbac_filter>

use serde_json::Value;

use super::of_route;
use crate::compile::{At, CompileError, Result};
use crate::http::stream::{Answer, Stream};
use crate::matcher::Regexes;
use crate::proto::{self, RbacShadowStat, RbacStat};
use crate::rbac::{Rules, Subject, Verdict, LOG_KEY, LOG_NAMESPACE};
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
}

/// What the filter or a route says.
pub struct RbacConfig {
    rules: Option<Rules>,
    shadow_rules: Option<Rules>,
    /// Of the keys of dynamic metadata.
    prefix: String,
    shadow_prefix: String,
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
            prefix: message.prefix.clone(),
            shadow_prefix: message.shadow_prefix.clone(),
            counts_policies: message.track_per_rule_stats,
        })
    }
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
            let prefix = first_filled(&config.shadow_prefix, &self.config.shadow_prefix);
            note(&verdict, &format!("{prefix}shadow"), stream);
        }
        let Some(verdict) = enforced else { return Ok(()) };
        let prefix = first_filled(&config.prefix, &self.config.prefix);
        note(&verdict, &format!("{prefix}enforced"), stream);
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
            traits: info.connection.traits(&state),
            remote: &info.remote,
            headers: Some(&stream.request),
            dynamic_metadata: info.dynamic_metadata.as_deref(),
            route_metadata: info.route.as_ref().and_then(|route| route.metadata.as_deref()),
            filter_state: info.filter_state.as_deref(),
            peer: info.connection.tls.as_deref(),
        })
    };
    if let Some(logged) = verdict.logged {
        stream.info.set_metadata(LOG_NAMESPACE, LOG_KEY, Value::from(logged));
    }
    verdict
}

/// Leaves the verdict in dynamic metadata.
fn note(verdict: &Verdict<'_>, prefix: &str, stream: &mut Stream) {
    let mut set = |key: &str, value: &str| {
        stream.info.set_metadata(NAMESPACE, &format!("{prefix}_{key}"), Value::from(value));
    };
    if let Some(policy) = verdict.policy {
        set("effective_policy_id", policy);
    }
    set("engine_result", verdict.result());
}

fn first_filled<'a>(one: &'a str, other: &'a str) -> &'a str {
    if one.is_empty() {
        other
    } else {
        one
    }
}
