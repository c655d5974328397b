//! The fields of one header block, decoded.

use crate::hpack::name::{Flags, NameKind};
use crate::hpack::static_table;

#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    /// Stored bytes of the name: none when it is in the static table.
    name: u32,
    value: u32,
    class: u16,
    static_index: u8,
    kind: NameKind,
    flags: Flags,
}

/// One field of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// Index of the name in the static table (RFC 7541 appendix A; the first of those that have it), or 0.
    pub static_index: u8,
    /// What `Config::classify` said of a name that is not in the static table; 0 for those that are.
    pub class: u16,
    /// Came as a literal that no hop may index; to be sent on as one.
    pub never_index: bool,
    /// The name has an underscore (`headers_with_underscores_action`).
    pub underscore: bool,
}

/// The fields of one header block in the order in which they came, in one buffer that is used again for each
/// block.
#[derive(Default)]
pub struct FieldBlock {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// Bytes of all names and values.
    size: usize,
    overflow: bool,
}

impl FieldBlock {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all names and values, as Envoy counts them against `max_request_headers_kb`.
    pub fn byte_size(&self) -> usize {
        self.size
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.entries.iter().map(|entry| self.field(entry))
    }

    /// The first value of a name.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|field| field.name == name).map(|field| field.value)
    }

    fn field(&self, entry: &Entry) -> Field<'_> {
        let start = entry.start as usize;
        let middle = start + entry.name as usize;
        let stored = &self.bytes[start..middle];
        let name = match entry.static_index {
            0 => stored,
            index => static_table::name(index),
        };
        Field {
            name,
            value: &self.bytes[middle..middle + entry.value as usize],
            static_index: entry.static_index,
            class: entry.class,
            never_index: entry.flags.has(Flags::NEVER_INDEX),
            underscore: entry.flags.has(Flags::UNDERSCORE),
        }
    }

    /// True when fields were left out because the block passed a limit.
    pub(crate) fn overflowed(&self) -> bool {
        self.overflow
    }

    /// Kind, flags and value of every field.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (NameKind, Flags, &[u8])> {
        self.entries.iter().map(|entry| {
            let start = (entry.start + entry.name) as usize;
            (entry.kind, entry.flags, &self.bytes[start..start + entry.value as usize])
        })
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.size = 0;
        self.overflow = false;
    }

    /// Where the next field's bytes are written; [`FieldBlock::finish`] makes a field of them.
    pub(crate) fn scratch(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The bytes from `start` on.
    pub(crate) fn tail(&self, start: usize) -> &[u8] {
        self.bytes.get(start..).unwrap_or_default()
    }

    /// Notes a field of `size` bytes that is left out, as all are after one that was too much.
    pub(crate) fn leave_out(&mut self, size: usize) {
        self.size += size;
    }

    /// Makes a field of the bytes from `start` on, the first `name` of which are its name; or drops them, when
    /// the block is then larger than `max_bytes` or has more than `max_fields`.
    pub(crate) fn finish(
        &mut self,
        start: usize,
        name: usize,
        meta: crate::hpack::Meta,
        limits: &crate::hpack::Limits,
    ) {
        let value = self.bytes.len() - start - name;
        self.size += name + value + static_table::name(meta.static_index).len();
        if self.overflow || self.size > limits.max_bytes || self.entries.len() >= limits.max_fields
        {
            self.overflow = true;
            self.bytes.truncate(start);
            return;
        }
        self.entries.push(Entry {
            start: start as u32,
            name: name as u32,
            value: value as u32,
            class: meta.class,
            static_index: meta.static_index,
            kind: meta.kind,
            flags: meta.flags,
        });
    }
}
