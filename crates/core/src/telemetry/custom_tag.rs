//! Values that logs tell of a stream under names of their own.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/tracing/v3/custom_tag.proto>

use crate::compile::{At, Result};
use crate::formatter::{FormatContext, Formatter};
use crate::proto;
use crate::service_values::text;

/// A compiled tag.
pub struct CustomTag {
    pub tag: String,
    value: Formatter,
    default: String,
}

impl CustomTag {
    /// # Errors
    /// A command that cannot be.
    pub fn compile(message: &proto::CustomTag) -> Result<Self> {
        let format = message.format.clone().unwrap_or_default();
        Ok(Self {
            tag: message.tag.clone(),
            value: Formatter::compile(&format).at("format")?,
            default: message.default_value.clone(),
        })
    }

    /// The value; None: there is no such tag here.
    pub fn value(&self, context: &FormatContext<'_>) -> Option<String> {
        let mut value = Vec::new();
        self.value.format(context, &mut value);
        let value = match value.is_empty() {
            true => self.default.clone(),
            false => text(&value).into_owned(),
        };
        Some(value).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::CustomTag;
    use crate::formatter::tests::{format, Sample};
    use crate::proto;

    fn value(text: &str, default: &str) -> Option<String> {
        let format = Some(proto::Format { omit_empty: true, ..format(text) });
        let message =
            proto::CustomTag { tag: "t".into(), format, default_value: default.to_owned() };
        CustomTag::compile(&message).unwrap().value(&Sample::new().context())
    }

    #[test]
    fn a_tag_without_a_value_has_its_default_or_is_none() {
        assert_eq!(value("%REQ(:METHOD)%", "d").as_deref(), Some("POST"));
        assert_eq!(value("%REQ(X-NONE)%", "d").as_deref(), Some("d"));
        assert_eq!(value("%REQ(X-NONE)%", ""), None);
    }
}
