//! A header block: names in lower case, in the order in which they came, in one arena.
//!
//! Pseudo headers (`:method`, `:path`, `:authority`, `:scheme`, `:status`) are entries like any other, as
//! matchers and format strings of Envoy's configuration see them; codecs leave them out of the wire form.

mod names;
mod original;
mod single;
mod spare;
mod valid;

use std::borrow::Cow;

use original::OriginalNames;

pub use names::{HeaderId, HeaderName};
pub use single::Side;
pub use spare::SpareHeaders;
pub use valid::{is_valid_name, is_valid_value};

/// A header's name as a look-up key: a known one costs a byte to compare.
#[derive(Clone, Copy)]
pub enum Key<'a> {
    Known(HeaderId),
    /// Lower case.
    Other(&'a [u8]),
}

impl From<HeaderId> for Key<'_> {
    fn from(id: HeaderId) -> Self {
        Self::Known(id)
    }
}

impl<'a> From<&'a HeaderName> for Key<'a> {
    fn from(name: &'a HeaderName) -> Self {
        name.key()
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: HeaderId,
    name_len: u16,
    name_start: u32,
    value_start: u32,
    value_len: u32,
}

/// The headers of one request or response. Names and values are at most 4 GiB in all; codecs bound them
/// far below that.
#[derive(Default, Clone, Debug)]
pub struct Headers {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    original: Option<Box<OriginalNames>>,
}

impl Headers {
    pub fn new() -> Self {
        Self::default()
    }

    /// Room for `bytes` of names and values in `entries` headers.
    pub fn with_capacity(bytes: usize, entries: usize) -> Self {
        Self {
            arena: Vec::with_capacity(bytes),
            entries: Vec::with_capacity(entries),
            original: None,
        }
    }

    /// Removes all entries and keeps the storage for the next message.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.entries.clear();
        self.original = None;
    }

    /// Remembers how names were written, to write them so again.
    pub fn keep_original<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        let original = self.original.get_or_insert_default();
        names.for_each(|name| original.note(name.as_bytes()));
    }

    /// The spellings to be kept, if any are.
    pub fn original(&self) -> Option<&OriginalNames> {
        self.original.as_deref()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sum of the sizes of all names and values, pseudo headers included.
    pub fn byte_size(&self) -> usize {
        self.entries.iter().map(|e| self.name_of(e).len() + e.value_len as usize).sum()
    }

    /// Adds a header at the end; the name is lowered.
    pub fn append_raw(&mut self, name: &[u8], value: &[u8]) {
        let name_start = self.arena.len();
        self.arena.extend(name.iter().map(u8::to_ascii_lowercase));
        let id = HeaderId::classify(&self.arena[name_start..]);
        if id != HeaderId::Other {
            self.arena.truncate(name_start);
        }
        self.push_entry(id, name_start, name.len(), value);
    }

    /// Adds a header at the end.
    pub fn append<'a>(&mut self, key: impl Into<Key<'a>>, value: &[u8]) {
        match key.into() {
            Key::Known(id) => self.push_entry(id, 0, 0, value),
            Key::Other(name) => {
                let name_start = self.arena.len();
                self.arena.extend_from_slice(name);
                self.push_entry(HeaderId::Other, name_start, name.len(), value);
            }
        }
    }

    /// Adds a pseudo header or another one before all others (`host` of HTTP/1 becomes `:authority`).
    pub fn prepend(&mut self, id: HeaderId, value: &[u8]) {
        self.push_entry(id, 0, 0, value);
        if let Some(entry) = self.entries.pop() {
            self.entries.insert(0, entry);
        }
    }

    fn push_entry(&mut self, id: HeaderId, name_start: usize, name_len: usize, value: &[u8]) {
        let value_start = self.arena.len();
        self.arena.extend_from_slice(value);
        self.entries.push(Entry {
            id,
            name_len: name_len as u16,
            name_start: name_start as u32,
            value_start: value_start as u32,
            value_len: value.len() as u32,
        });
    }

    /// The first value.
    pub fn get<'a>(&self, key: impl Into<Key<'a>>) -> Option<&[u8]> {
        let key = key.into();
        self.entries.iter().find(|e| self.matches(e, key)).map(|e| self.value_of(e))
    }

    /// The first value, when it is UTF-8.
    pub fn get_str<'a>(&self, key: impl Into<Key<'a>>) -> Option<&str> {
        self.get(key).and_then(|value| std::str::from_utf8(value).ok())
    }

    pub fn contains<'a>(&self, key: impl Into<Key<'a>>) -> bool {
        self.get(key).is_some()
    }

    /// Every value, in order.
    pub fn get_all<'s>(&'s self, key: Key<'s>) -> impl Iterator<Item = &'s [u8]> + 's {
        self.entries.iter().filter(move |e| self.matches(e, key)).map(|e| self.value_of(e))
    }

    /// All values of a header as one, joined by commas as matchers see them.
    pub fn joined(&self, key: Key<'_>) -> Option<Cow<'_, [u8]>> {
        let mut matching = self.entries.iter().filter(|e| self.matches(e, key));
        let first = self.value_of(matching.next()?);
        let Some(second) = matching.next() else { return Some(Cow::Borrowed(first)) };
        let mut all = first.to_vec();
        for entry in std::iter::once(second).chain(matching) {
            all.push(b',');
            all.extend_from_slice(self.value_of(entry));
        }
        Some(Cow::Owned(all))
    }

    /// Replaces the first value in its place and removes the others; adds the header when it is absent.
    pub fn set<'a>(&mut self, key: impl Into<Key<'a>>, value: &[u8]) {
        let key = key.into();
        let Some(index) = self.entries.iter().position(|e| self.matches(e, key)) else {
            return self.append(key, value);
        };
        let value_start = self.arena.len() as u32;
        self.arena.extend_from_slice(value);
        self.entries[index].value_start = value_start;
        self.entries[index].value_len = value.len() as u32;
        if !self.entries[index + 1..].iter().any(|e| self.matches(e, key)) {
            return;
        }
        let mut position = 0;
        self.retain(|id, name, _| {
            position += 1;
            position - 1 <= index || !same(key, id, name)
        });
    }

    /// Removes every value. True when there was one.
    pub fn remove<'a>(&mut self, key: impl Into<Key<'a>>) -> bool {
        let key = key.into();
        let before = self.entries.len();
        if !self.entries.iter().any(|e| self.matches(e, key)) {
            return false;
        }
        self.retain(|id, name, _| !same(key, id, name));
        self.entries.len() != before
    }

    /// Keeps the entries for which `keep(id, name, value)` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(HeaderId, &[u8], &[u8]) -> bool) {
        let arena = &self.arena;
        self.entries.retain(|e| keep(e.id, name_in(arena, e), value_in(arena, e)));
    }

    /// Every entry as (id, name, value), in order.
    pub fn iter(&self) -> impl Iterator<Item = (HeaderId, &[u8], &[u8])> {
        self.entries.iter().map(|e| (e.id, self.name_of(e), self.value_of(e)))
    }

    #[inline]
    fn matches(&self, entry: &Entry, key: Key<'_>) -> bool {
        match key {
            Key::Known(id) => entry.id == id,
            Key::Other(name) => entry.id == HeaderId::Other && self.name_of(entry) == name,
        }
    }

    fn name_of(&self, entry: &Entry) -> &[u8] {
        name_in(&self.arena, entry)
    }

    fn value_of(&self, entry: &Entry) -> &[u8] {
        value_in(&self.arena, entry)
    }
}

fn same(key: Key<'_>, id: HeaderId, name: &[u8]) -> bool {
    match key {
        Key::Known(known) => known == id,
        Key::Other(other) => id == HeaderId::Other && name == other,
    }
}

fn name_in<'a>(arena: &'a [u8], entry: &Entry) -> &'a [u8] {
    match entry.id {
        HeaderId::Other => {
            let start = entry.name_start as usize;
            &arena[start..start + entry.name_len as usize]
        }
        known => known.name().as_bytes(),
    }
}

fn value_in<'a>(arena: &'a [u8], entry: &Entry) -> &'a [u8] {
    let start = entry.value_start as usize;
    &arena[start..start + entry.value_len as usize]
}

#[cfg(test)]
mod tests {
    use super::{HeaderId, HeaderName, Headers, Key};

    fn names(headers: &Headers) -> Vec<String> {
        headers.iter().map(|(_, name, _)| String::from_utf8_lossy(name).into_owned()).collect()
    }

    #[test]
    fn names_are_lowered_and_known_ones_found_by_id_or_name() {
        let mut headers = Headers::new();
        headers.append_raw(b"Content-Length", b"3");
        headers.append_raw(b"X-Odd", b"a");
        assert_eq!(headers.get(HeaderId::ContentLength), Some(&b"3"[..]));
        assert_eq!(headers.get(&HeaderName::new("content-length")), Some(&b"3"[..]));
        assert_eq!(headers.get(Key::Other(b"x-odd")), Some(&b"a"[..]));
        assert_eq!(names(&headers), ["content-length", "x-odd"]);
    }

    #[test]
    fn set_replaces_in_place_and_drops_the_rest() {
        let mut headers = Headers::new();
        for (name, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
            headers.append_raw(name.as_bytes(), value.as_bytes());
        }
        assert_eq!(headers.joined(Key::Other(b"a")).as_deref(), Some(&b"1,3"[..]));
        headers.set(Key::Other(b"a"), b"9");
        assert_eq!(names(&headers), ["a", "b"]);
        assert_eq!(headers.get(Key::Other(b"a")), Some(&b"9"[..]));
        assert!(headers.remove(Key::Other(b"b")));
        assert!(!headers.remove(Key::Other(b"b")));
    }

    #[test]
    fn prepended_pseudo_headers_come_first() {
        let mut headers = Headers::new();
        headers.append_raw(b"accept", b"*/*");
        headers.prepend(HeaderId::Path, b"/");
        assert_eq!(names(&headers), [":path", "accept"]);
    }
}
