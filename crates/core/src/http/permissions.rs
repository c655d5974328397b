//! Which headers of a request a service may change.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/common/mutation_rules/v3/mutation_rules.proto>

use crate::compile::{At, Result};
use crate::headers::{is_valid_name, is_valid_value, HeaderId, HeaderName};
use crate::matcher::{Regexes, StringMatcher};
use crate::proto;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Set,
    Append,
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    Granted,
    /// The change is left out.
    Ignored,
    /// Nothing of what the service answered is to be done.
    Refused,
}

/// `HeaderMutationRules`.
pub struct Permissions {
    allow_all_routing: bool,
    allow_envoy: bool,
    disallow_system: bool,
    disallow_all: bool,
    allowed: Option<StringMatcher>,
    disallowed: Option<StringMatcher>,
    denied: Permission,
}

impl Permissions {
    /// # Errors
    /// An expression that is none.
    pub fn compile(message: &proto::HeaderMutationPermissions, regexes: &Regexes) -> Result<Self> {
        let expression = |message: &Option<proto::StringMatch>| {
            message.as_ref().map(|message| StringMatcher::compile(message, regexes)).transpose()
        };
        Ok(Self {
            allow_all_routing: message.allow_all_routing,
            allow_envoy: message.allow_envoy,
            disallow_system: message.disallow_system,
            disallow_all: message.disallow_all,
            allowed: expression(&message.allow_expression).at("allow_expression")?,
            disallowed: expression(&message.disallow_expression).at("disallow_expression")?,
            denied: match message.disallow_is_error {
                true => Permission::Refused,
                false => Permission::Ignored,
            },
        })
    }

    pub fn of(&self, operation: Operation, name: &HeaderName) -> Permission {
        match self.allows(operation, name) {
            true => Permission::Granted,
            false => self.denied,
        }
    }

    fn allows(&self, operation: Operation, name: &HeaderName) -> bool {
        let (id, text) = (name.id(), name.as_bytes());
        let matches = |expression: &Option<StringMatcher>| {
            expression.as_ref().is_some_and(|e| e.matches(text))
        };
        if operation == Operation::Remove && !is_removable(name) || matches(&self.disallowed) {
            return false;
        }
        if matches(&self.allowed) {
            return true;
        }
        let system = text.starts_with(b":");
        !(self.disallow_all
            || !self.allow_all_routing && is_routing(id)
            || system && (self.disallow_system || operation == Operation::Append)
            || !self.allow_envoy && text.starts_with(b"x-envoy-"))
    }
}

/// Headers that decide where a request goes, beside its path.
fn is_routing(id: HeaderId) -> bool {
    matches!(id, HeaderId::Authority | HeaderId::Method | HeaderId::Scheme)
}

/// Without its host and its pseudo headers a request is none.
pub fn is_removable(name: &HeaderName) -> bool {
    name.id() != HeaderId::Authority && !name.as_bytes().starts_with(b":")
}

/// Whether a request with this header is still one: no bytes that end a line or a name, in a pseudo header no space
/// either.
pub fn is_well_formed(name: &HeaderName, value: &[u8]) -> bool {
    match name.id() {
        HeaderId::Authority | HeaderId::Method | HeaderId::Path | HeaderId::Scheme => {
            !value.is_empty() && value.iter().all(|byte| !matches!(byte, 0..=b' ' | 0x7f))
        }
        _ => is_valid_name(name.as_bytes()) && is_valid_value(value),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_well_formed, Operation, Permission, Permissions};
    use crate::headers::HeaderName;
    use crate::matcher::Regexes;
    use crate::proto::{string_match::Kind, HeaderMutationPermissions, StringMatch};

    fn of(message: &HeaderMutationPermissions, operation: Operation, name: &str) -> Permission {
        let permissions = Permissions::compile(message, &Regexes::default()).unwrap();
        permissions.of(operation, &HeaderName::new(name))
    }

    fn granted(
        message: &HeaderMutationPermissions,
        operation: Operation,
        names: &[&str],
    ) -> String {
        let granted = names.iter().filter(|n| of(message, operation, n) == Permission::Granted);
        granted.copied().collect::<Vec<_>>().join(" ")
    }

    const NAMES: &[&str] = &["x-a", "x-envoy-a", ":path", ":method", "host", ":scheme"];

    #[test]
    fn what_decides_where_requests_go_is_apart() {
        let default = HeaderMutationPermissions::default();
        assert_eq!(granted(&default, Operation::Set, NAMES), "x-a :path");
        assert_eq!(granted(&default, Operation::Append, NAMES), "x-a");
        assert_eq!(granted(&default, Operation::Remove, NAMES), "x-a");
        let more = HeaderMutationPermissions {
            allow_all_routing: true,
            allow_envoy: true,
            ..Default::default()
        };
        assert_eq!(granted(&more, Operation::Set, NAMES), NAMES.join(" "));
        assert_eq!(granted(&more, Operation::Remove, NAMES), "x-a x-envoy-a");
        let less = HeaderMutationPermissions { disallow_system: true, ..more };
        assert_eq!(granted(&less, Operation::Set, NAMES), "x-a x-envoy-a host");
    }

    #[test]
    fn expressions_come_first() {
        let regex = |text: &str| {
            Some(StringMatch { kind: Some(Kind::Regex(text.into())), ..Default::default() })
        };
        let rules = HeaderMutationPermissions {
            disallow_all: true,
            allow_expression: regex("x-.*"),
            disallow_expression: regex("x-e.*"),
            disallow_is_error: true,
            ..Default::default()
        };
        assert_eq!(granted(&rules, Operation::Set, NAMES), "x-a");
        assert_eq!(of(&rules, Operation::Set, ":path"), Permission::Refused);
        let ignoring = HeaderMutationPermissions { disallow_is_error: false, ..rules };
        assert_eq!(of(&ignoring, Operation::Set, ":path"), Permission::Ignored);
    }

    #[test]
    fn a_value_cannot_begin_another_header() {
        let well_formed =
            |name, value: &str| is_well_formed(&HeaderName::new(name), value.as_bytes());
        assert!(well_formed("x-a", "a b\t\u{fc}") && well_formed("x-a", ""));
        assert!(!well_formed("x-a", "a\r\nb: c") && !well_formed("x a", "b"));
        assert!(well_formed(":path", "/a?b") && !well_formed(":path", "/a HTTP/1.1"));
        assert!(!well_formed(":unknown", "a") && !well_formed("", "a"));
    }
}
