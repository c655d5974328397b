//! envoy.filters.network.rbac: who may connect, judged when the client first says something.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/rbac_filter>

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::filters::Closed;
use crate::compile::{At, Result};
use crate::formatter::FormatContext;
use crate::http::manager::duration;
use crate::http::stream_info::{ConnectionInfo, StreamInfo};
use crate::matcher::Regexes;
use crate::proto::{self, RbacShadowStat, RbacStat};
use crate::rbac::{Rules, Subject, Verdict, VerdictKeys, LOG_KEY, LOG_NAMESPACE};
use crate::stats::{Block, BlockKind};
use crate::worker::Worker;

const NAMESPACE: &str = "envoy.filters.network.rbac";

/// Immutable, shared by all workers.
pub struct NetworkRbacConfig {
    stats_block: u32,
    shadow_stats_block: u32,
    rules: Option<Rules>,
    shadow_rules: Option<Rules>,
    shadow_keys: VerdictKeys,
    continuous: bool,
    delay_deny: Option<Duration>,
}

impl NetworkRbacConfig {
    /// # Errors
    /// A rule that cannot be taken, with its path.
    pub fn compile(message: &proto::NetworkRbac, regexes: &Regexes) -> Result<Self> {
        let compile = |rules: &Option<proto::RbacRules>, field: &str| {
            rules.as_ref().map(|rules| Rules::compile(rules, regexes)).transpose().at(field)
        };
        Ok(Self {
            stats_block: message.stats_block,
            shadow_stats_block: message.shadow_stats_block,
            rules: compile(&message.rules, "rules")?,
            shadow_rules: compile(&message.shadow_rules, "shadow_rules")?,
            shadow_keys: VerdictKeys::new(&format!("{}shadow", message.shadow_prefix)),
            continuous: message.continuous,
            delay_deny: duration(message.delay_deny_ms),
        })
    }
}

/// The same in one worker.
pub struct NetworkRbac {
    config: Arc<NetworkRbacConfig>,
    block: Arc<Block>,
    shadow_block: Arc<Block>,
}

impl NetworkRbac {
    pub fn new(worker: &Worker, config: Arc<NetworkRbacConfig>) -> Self {
        Self {
            block: worker.block(config.stats_block, BlockKind::Filter),
            shadow_block: worker.block(config.shadow_stats_block, BlockKind::Filter),
            config,
        }
    }

    /// Every read is judged, not the first alone.
    pub fn is_continuous(&self) -> bool {
        self.config.continuous
    }

    /// Judges a connection by what is known of it now.
    ///
    /// # Errors
    /// It is denied.
    pub fn judge(&self, connection: &Rc<ConnectionInfo>) -> std::result::Result<(), Closed> {
        if let Some(rules) = &self.config.shadow_rules {
            let verdict = ask(rules, connection);
            self.shadow_block.inc(match verdict.allowed {
                true => RbacShadowStat::RbacShadowShadowAllowed,
                false => RbacShadowStat::RbacShadowShadowDenied,
            });
            self.note_shadow(connection, &verdict);
        }
        let Some(rules) = &self.config.rules else { return Ok(()) };
        let verdict = ask(rules, connection);
        if verdict.allowed {
            self.block.inc(RbacStat::RbacAllowed);
            return Ok(());
        }
        self.block.inc(RbacStat::RbacDenied);
        Err(Closed {
            termination_details: verdict.details(),
            after: self.config.delay_deny,
            ..Closed::for_reason("rbac_deny_close")
        })
    }

    fn note_shadow(&self, connection: &ConnectionInfo, verdict: &Verdict<'_>) {
        let mut state = connection.state.borrow_mut();
        let keys = &self.config.shadow_keys;
        keys.note(verdict, |key, value| state.set_metadata(NAMESPACE, key, value));
    }
}

fn ask<'a>(rules: &'a Rules, connection: &Rc<ConnectionInfo>) -> Verdict<'a> {
    let info = rules.have_conditions().then(|| StreamInfo::of_connection(connection.clone()));
    let verdict = {
        let state = connection.state.borrow();
        rules.judge(&Subject {
            traits: connection.traits(&state),
            remote: &connection.remote,
            headers: None,
            dynamic_metadata: state.dynamic_metadata.as_deref(),
            route_metadata: None,
            filter_state: state.filter_state.as_deref(),
            peer: connection.tls.as_deref(),
            context: info.as_ref().map(FormatContext::of_connection),
        })
    };
    if let Some(logged) = verdict.logged {
        connection.state.borrow_mut().set_metadata(LOG_NAMESPACE, LOG_KEY, Value::from(logged));
    }
    verdict
}
