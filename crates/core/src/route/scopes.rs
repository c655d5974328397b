//! Scoped routes: which route table a request takes, by a key made of its headers.
//!
//! Source: ScopedRoutes in Envoy's http_connection_manager.proto.

use std::collections::HashMap;
use std::sync::Arc;

use crate::headers::{HeaderName, Headers};
use crate::proto::{self, scope_key_fragment::Extract};

/// Fragments, each after its length: keys with the same fragments, and no others, are equal.
type Key = Arc<[u8]>;

/// Makes a request's key.
pub struct ScopeKeyBuilder {
    fragments: Vec<FragmentBuilder>,
}

struct FragmentBuilder {
    header: HeaderName,
    element_separator: Box<[u8]>,
    extract: Extraction,
}

enum Extraction {
    Index(usize),
    Element { separator: Box<[u8]>, key: Box<[u8]> },
}

/// The name of a route table for each key.
pub struct RouteScopes {
    pub name: Arc<str>,
    tables: HashMap<Key, Arc<str>>,
}

impl RouteScopes {
    /// Of two scopes with the same key the last one counts.
    pub fn compile(name: &str, scopes: &[proto::RouteScope]) -> Self {
        let tables = scopes.iter().map(|scope| {
            let mut key = Vec::new();
            scope.key.iter().for_each(|fragment| push(fragment.as_bytes(), &mut key));
            (key.into(), scope.route_table.as_str().into())
        });
        Self { name: name.into(), tables: tables.collect() }
    }

    /// Every key and the name of its table.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<[u8]>, &Arc<str>)> {
        self.tables.iter()
    }
}

impl ScopeKeyBuilder {
    pub fn compile(fragments: &[proto::ScopeKeyFragment]) -> Self {
        Self { fragments: fragments.iter().map(FragmentBuilder::compile).collect() }
    }

    /// Puts the key of a request into an empty buffer; false when the request has none.
    pub fn build(&self, request: &Headers, key: &mut Vec<u8>) -> bool {
        self.fragments.iter().all(|each| match each.find(request) {
            Some(fragment) => {
                push(fragment, key);
                true
            }
            None => false,
        })
    }
}

impl FragmentBuilder {
    fn compile(message: &proto::ScopeKeyFragment) -> Self {
        let extract = match &message.extract {
            Some(Extract::Element(element)) => Extraction::Element {
                separator: element.separator.as_bytes().into(),
                key: element.key.as_bytes().into(),
            },
            Some(Extract::Index(index)) => Extraction::Index(*index as usize),
            None => Extraction::Index(0),
        };
        Self {
            header: HeaderName::new(&message.header),
            element_separator: message.element_separator.as_bytes().into(),
            extract,
        }
    }

    /// As in Envoy, only the first header of the name counts, and an element without its separator has an
    /// empty value.
    fn find<'r>(&self, request: &'r Headers) -> Option<&'r [u8]> {
        let value = request.get(&self.header)?;
        let mut elements = Split { rest: Some(value), separator: &self.element_separator };
        match &self.extract {
            Extraction::Index(index) => elements.nth(*index),
            Extraction::Element { separator, key } => elements.find_map(|element| {
                let mut parts = Split { rest: Some(element), separator };
                let is_it = parts.next() == Some(&**key);
                is_it.then(|| parts.rest.unwrap_or_default())
            }),
        }
    }
}

/// The parts of a text between separators; an empty separator leaves it whole.
struct Split<'t, 's> {
    rest: Option<&'t [u8]>,
    separator: &'s [u8],
}

impl<'t> Iterator for Split<'t, '_> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let text = self.rest?;
        let length = self.separator.len();
        let at = (length != 0)
            .then(|| text.windows(length).position(|part| part == self.separator))
            .flatten();
        self.rest = at.map(|at| &text[at + length..]);
        Some(at.map_or(text, |at| &text[..at]))
    }
}

fn push(fragment: &[u8], key: &mut Vec<u8>) {
    key.extend_from_slice(&(fragment.len() as u64).to_le_bytes());
    key.extend_from_slice(fragment);
}
