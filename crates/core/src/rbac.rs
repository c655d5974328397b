//! Role based access control: policies of permissions (what is asked for) and principals (who asks).
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/rbac/v3/rbac.proto>

mod inputs;
mod rule;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::address::Address;
use crate::cel::Program;
use crate::compile::{each, At, Result};
use crate::connection::ConnectionState;
use crate::formatter::{FormatContext, LogType};
use crate::headers::Headers;
use crate::http::stream_info::StreamInfo;
use crate::listener::Traits;
use crate::matcher::tree::Matcher;
use crate::matcher::Regexes;
use crate::proto::{self, RbacAction};
use crate::stats::{Block, Family};
use crate::tls::TlsInfo;

pub use inputs::header;
use rule::Rule;

/// Where a LOG action leaves its mark.
pub const LOG_NAMESPACE: &str = "envoy.common";
pub const LOG_KEY: &str = "access_log_hint";

/// What policies are asked about.
pub struct Subject<'a> {
    pub traits: Traits<'a>,
    /// The client, after x-forwarded-for was considered.
    pub remote: &'a Address,
    /// Of a request; none for a connection.
    pub headers: Option<&'a Headers>,
    /// {"filter": {...}}
    pub dynamic_metadata: Option<&'a Value>,
    pub route_metadata: Option<&'a Value>,
    /// {"key": ...}
    pub filter_state: Option<&'a Value>,
    /// None: the connection is plain TCP.
    pub peer: Option<&'a TlsInfo>,
    /// What conditions are about; rules without one do not look at it.
    pub context: Option<FormatContext<'a>>,
}

impl<'a> Subject<'a> {
    /// What is known of a request; `state` is borrowed of its connection.
    pub fn of_request(
        info: &'a StreamInfo,
        state: &'a ConnectionState,
        headers: Option<&'a Headers>,
    ) -> Self {
        Self {
            traits: info.connection.traits(state),
            remote: &info.remote,
            headers,
            dynamic_metadata: info.dynamic_metadata.as_deref(),
            route_metadata: info.route.as_ref().and_then(|route| route.metadata.as_deref()),
            filter_state: info.filter_state.as_deref(),
            peer: info.connection.tls.as_deref(),
            context: Some(FormatContext {
                info,
                request: headers,
                response: None,
                trailers: None,
                local_reply_body: b"",
                log_type: LogType::NotSet,
            }),
        }
    }
}

/// What the rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'a> {
    pub allowed: bool,
    /// The policy that decided.
    pub policy: Option<&'a str>,
    /// The action was LOG: whether there is something to log.
    pub logged: Option<bool>,
}

/// The keys of dynamic metadata under which a verdict is left.
pub struct VerdictKeys {
    policy: String,
    result: String,
}

impl VerdictKeys {
    /// `front` is what both begin with.
    pub fn new(front: &str) -> Self {
        Self {
            policy: format!("{front}_effective_policy_id"),
            result: format!("{front}_engine_result"),
        }
    }

    /// Leaves a verdict by `set`.
    pub fn note(&self, verdict: &Verdict<'_>, mut set: impl FnMut(&str, Value)) {
        if let Some(policy) = verdict.policy {
            set(&self.policy, policy.into());
        }
        set(&self.result, verdict.result().into());
    }
}

impl Verdict<'_> {
    /// The word for it in dynamic metadata.
    pub fn result(&self) -> &'static str {
        match self.allowed {
            true => "allowed",
            false => "denied",
        }
    }

    /// What logs tell of a denial. White space would end the field of a log.
    pub fn details(&self) -> String {
        let policy = self.policy.unwrap_or("none").replace(|c: char| c.is_ascii_whitespace(), "_");
        format!("rbac_access_denied_matched_policy[{policy}]")
    }

    /// Counts it for the policy that decided, as `policy.NAME.allowed` and the like.
    pub fn count(&self, block: &Block, family: &'static Family) {
        let Some(policy) = self.policy else { return };
        if let Some(group) = block.group(family, &format!("policy.{policy}")) {
            group.add(usize::from(!self.allowed), 1);
        }
    }
}

/// Immutable, shared by all workers.
pub enum Rules {
    Policies { action: RbacAction, policies: Vec<Policy> },
    Matcher(Matcher<(String, RbacAction)>),
}

pub struct Policy {
    name: String,
    permissions: Vec<Rule>,
    principals: Vec<Rule>,
    condition: Option<Program>,
}

impl Rules {
    /// # Errors
    /// A rule that cannot be taken, with its path.
    pub fn compile(message: &proto::RbacRules, regexes: &Regexes) -> Result<Self> {
        if let Some(matcher) = &message.matcher {
            let action = |action: &proto::MatchAction| Ok((action.name.clone(), action.rbac()));
            return Matcher::compile(matcher, regexes, &action).at("matcher").map(Self::Matcher);
        }
        let policies = each(&message.policies, "policies", |policy| {
            let rules = |rules: &[proto::RbacRule], field: &str| {
                each(rules, field, |rule| Rule::compile(rule, regexes))
            };
            Ok(Policy {
                name: policy.name.clone(),
                permissions: rules(&policy.permissions, "permissions")?,
                principals: rules(&policy.principals, "principals")?,
                condition: policy
                    .condition
                    .as_ref()
                    .map(Program::compile)
                    .transpose()
                    .at("condition")?,
            })
        })?;
        Ok(Self::Policies { action: message.action(), policies })
    }

    /// A policy has a condition: subjects need a context.
    pub fn have_conditions(&self) -> bool {
        match self {
            Self::Policies { policies, .. } => policies.iter().any(|it| it.condition.is_some()),
            Self::Matcher(_) => false,
        }
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict<'_> {
        match self {
            Self::Policies { action, policies } => {
                let found = policies.iter().find(|policy| policy.holds(subject));
                let policy = found.map(|policy| policy.name.as_str());
                let allowed = match action {
                    RbacAction::Allow => policy.is_some(),
                    RbacAction::Deny => policy.is_none(),
                    RbacAction::Log => true,
                };
                let logged = (*action == RbacAction::Log).then_some(policy.is_some());
                Verdict { allowed, policy, logged }
            }
            Self::Matcher(matcher) => match matcher.find(subject) {
                None => Verdict { allowed: false, policy: None, logged: None },
                Some((name, action)) => Verdict {
                    allowed: *action != RbacAction::Deny,
                    policy: Some(name),
                    logged: (*action == RbacAction::Log).then_some(true),
                },
            },
        }
    }
}

impl Policy {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        self.permissions.iter().any(|rule| rule.holds(subject))
            && self.principals.iter().any(|rule| rule.holds(subject))
            && self.condition.as_ref().is_none_or(|condition| {
                subject.context.as_ref().is_some_and(|context| condition.holds(context))
            })
    }
}
