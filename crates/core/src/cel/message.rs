//! Messages: fields by their names, and nothing else.

use serde_json::Value as Json;

use super::container::Map;
use super::value::Value;
use crate::upstream::Locality;

#[derive(Clone, Copy)]
pub enum Message<'a> {
    /// envoy.config.core.v3.Metadata.
    Metadata(Option<&'a Json>),
    /// envoy.config.core.v3.Locality.
    Locality(&'a Locality),
}

impl<'a> Message<'a> {
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Metadata(_) => "envoy.config.core.v3.Metadata",
            Self::Locality(_) => "envoy.config.core.v3.Locality",
        }
    }

    /// A field, which has a value also when it is not set; none when there is no such field.
    pub fn field(self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Metadata(all) => match name {
                "filter_metadata" => Some(Value::Map(Map::Json(all.and_then(Json::as_object)))),
                "typed_filter_metadata" => Some(Value::Map(Map::Json(None))),
                _ => None,
            },
            Self::Locality(locality) => Some(Value::text(match name {
                "region" => &locality.region,
                "zone" => &locality.zone,
                "sub_zone" => &locality.sub_zone,
                _ => return None,
            })),
        }
    }

    /// Whether a field is set; none when there is no such field.
    pub fn has_field(self, name: &str) -> Option<bool> {
        Some(match self.field(name)? {
            Value::Map(map) => map.len() > 0,
            value => value.as_text().is_some_and(|text| !text.is_empty()),
        })
    }

    /// The fields that are set.
    pub fn fields(self) -> impl Iterator<Item = (&'static str, Value<'a>)> {
        let names: &[&str] = match self {
            Self::Metadata(_) => &["filter_metadata"],
            Self::Locality(_) => &["region", "zone", "sub_zone"],
        };
        let set = names.iter().filter(move |name| self.has_field(name) == Some(true));
        set.filter_map(move |name| Some((*name, self.field(name)?)))
    }
}
