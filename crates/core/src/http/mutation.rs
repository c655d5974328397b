//! Changes of headers that configuration asks for: removals, then additions.

use crate::compile::{each, At, Result};
use crate::formatter::Formatter;
use crate::headers::{HeaderName, Headers, Side};
use crate::proto;
use crate::proto::AppendAction;

/// One header to add (`envoy.config.core.v3.HeaderValueOption`).
pub struct HeaderAddition {
    name: HeaderName,
    value: Formatter,
    action: AppendAction,
    keep_empty: bool,
}

impl HeaderAddition {
    /// Fails when the format of the value does.
    pub fn compile(message: &proto::HeaderValueOption) -> Result<Self> {
        let format = message.value.clone().unwrap_or_default();
        Ok(Self {
            name: HeaderName::new(&message.name),
            value: Formatter::compile(&format).at("value")?,
            action: message.action(),
            keep_empty: message.keep_empty_value,
        })
    }

    /// Adds this header alone; see [`HeaderChanges::apply`].
    pub fn apply(
        &self,
        headers: &mut Headers,
        side: Side,
        format: impl Fn(&Formatter, &Headers, &mut Vec<u8>),
    ) {
        let mut value = Vec::new();
        format(&self.value, headers, &mut value);
        if value.is_empty() && !self.keep_empty {
            return;
        }
        match self.overwrites(headers) {
            Some(true) => headers.overwrite(side, &self.name, &value),
            Some(false) => headers.add(side, &self.name, &value),
            None => {}
        }
    }

    /// Whether the value overwrites or is added; `None` when it does neither.
    fn overwrites(&self, headers: &Headers) -> Option<bool> {
        match self.action {
            AppendAction::AppendIfExistsOrAdd => Some(false),
            AppendAction::AddIfAbsent => (!headers.contains(&self.name)).then_some(false),
            AppendAction::OverwriteIfExistsOrAdd => Some(true),
            AppendAction::OverwriteIfExists => headers.contains(&self.name).then_some(true),
        }
    }
}

/// What happens to the headers of one direction at one level of the configuration.
#[derive(Default)]
pub struct HeaderChanges {
    remove: Vec<HeaderName>,
    add: Vec<HeaderAddition>,
}

impl HeaderChanges {
    /// `field` names the repeated field of the additions in errors.
    pub fn compile(
        add: &[proto::HeaderValueOption],
        remove: &[String],
        field: &str,
    ) -> Result<Self> {
        Ok(Self {
            remove: remove.iter().map(|name| HeaderName::new(name)).collect(),
            add: each(add, field, HeaderAddition::compile)?,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty()
    }

    /// Removes, then formats all values, then overwrites, then adds: the order of Envoy, which shows when one
    /// header is named twice. `format` appends the value of a formatter, seeing the headers as they are.
    pub fn apply(
        &self,
        headers: &mut Headers,
        side: Side,
        format: impl Fn(&Formatter, &Headers, &mut Vec<u8>),
    ) {
        for name in &self.remove {
            headers.remove(name);
        }
        if self.add.is_empty() {
            return;
        }
        let mut values = Vec::with_capacity(128);
        let mut planned = smallvec::SmallVec::<[Planned<'_>; 8]>::new();
        for addition in &self.add {
            let start = values.len();
            format(&addition.value, headers, &mut values);
            if values.len() == start && !addition.keep_empty {
                continue;
            }
            if let Some(overwrite) = addition.overwrites(headers) {
                planned.push(Planned { name: &addition.name, start, end: values.len(), overwrite });
            }
        }
        for plan in planned.iter().filter(|plan| plan.overwrite) {
            headers.overwrite(side, plan.name, &values[plan.start..plan.end]);
        }
        for plan in planned.iter().filter(|plan| !plan.overwrite) {
            headers.add(side, plan.name, &values[plan.start..plan.end]);
        }
    }
}

struct Planned<'a> {
    name: &'a HeaderName,
    start: usize,
    end: usize,
    overwrite: bool,
}

#[cfg(test)]
mod tests {
    use super::HeaderChanges;
    use crate::headers::{Headers, Side};
    use crate::proto::{self, AppendAction};

    fn option(
        name: &str,
        value: &str,
        action: AppendAction,
        keep_empty: bool,
    ) -> proto::HeaderValueOption {
        let kind = Some(proto::format_piece::Kind::Literal(value.into()));
        let value = proto::Format { pieces: vec![proto::FormatPiece { kind }], omit_empty: true };
        proto::HeaderValueOption {
            name: name.into(),
            value: Some(value),
            action: action.into(),
            keep_empty_value: keep_empty,
        }
    }

    #[test]
    fn overwriting_comes_before_adding_and_empty_values_are_left_out() {
        use AppendAction::{
            AddIfAbsent, AppendIfExistsOrAdd, OverwriteIfExists, OverwriteIfExistsOrAdd,
        };
        let add = [
            option("x-ow", "new", OverwriteIfExists, false),
            option("x-none", "new", OverwriteIfExists, false),
            option("x-b", "added", AppendIfExistsOrAdd, false),
            option("x-b", "absent", AddIfAbsent, false),
            option("x-empty", "", AppendIfExistsOrAdd, false),
            option("x-empty-kept", "", AppendIfExistsOrAdd, true),
            option("accept", "added", AppendIfExistsOrAdd, false),
            option("x-n1", "n1", AddIfAbsent, false),
            option("x-n1", "n2", AddIfAbsent, false),
            option("x-n2", "o1", OverwriteIfExistsOrAdd, false),
            option("x-n2", "a2", AppendIfExistsOrAdd, false),
        ];
        let changes = HeaderChanges::compile(&add, &["X-A".into()], "add")
            .unwrap_or_else(|e| unreachable!("{e}"));
        let mut headers = Headers::new();
        for (name, value) in
            [("x-a", "1"), ("x-b", "b"), ("x-ow", "o1"), ("x-ow", "o2"), ("accept", "x")]
        {
            headers.append_raw(name.as_bytes(), value.as_bytes());
        }
        let format =
            |formatter: &crate::formatter::Formatter, request: &Headers, out: &mut Vec<u8>| {
                crate::route::test_support::format(formatter, request, out);
            };
        changes.apply(&mut headers, Side::Request, format);
        let lines: Vec<String> = headers
            .iter()
            .map(|(_, n, v)| {
                format!("{}={}", String::from_utf8_lossy(n), String::from_utf8_lossy(v))
            })
            .collect();
        let expected = [
            "x-b=b",
            "accept=x,added",
            "x-ow=new",
            "x-n2=o1",
            "x-b=added",
            "x-empty-kept=",
            "x-n1=n1",
            "x-n1=n2",
            "x-n2=a2",
        ];
        assert_eq!(lines, expected);
    }
}
