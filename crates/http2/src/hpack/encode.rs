//! Fields to header blocks.
//!
//! What goes to the dynamic table: the first field of a name that is not there, and a name and value seen a
//! second time. So what repeats costs a byte, what never does (request ids, paths) costs no eviction, and its
//! name still costs a byte.

use super::name::{Flags, NameKind};
use super::static_table::{self, AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use super::table::{Meta, Table};
use super::{huffman, integer};
use crate::fields::Field;

/// Slots of the look-up from hashes to entries; a table of 4096 bytes has at most 128 entries.
const SLOTS: usize = 256;
/// Hashes of fields that were seen once.
const SEEN: usize = 64;

/// A cookie below this size can be guessed from how it compresses.
const SHORTEST_INDEXED_COOKIE: usize = 20;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// A field to be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRef<'a> {
    /// Lower case. Not read where `static_index` says it.
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// Index of the name in the static table, when the caller knows it; 0 has it looked up.
    pub static_index: u8,
    /// To be sent as a literal that no hop may index.
    pub never_index: bool,
}

impl<'a> FieldRef<'a> {
    pub fn new(name: &'a [u8], value: &'a [u8]) -> Self {
        Self { name, value, static_index: 0, never_index: false }
    }
}

/// To be sent on as it came.
impl<'a> From<Field<'a>> for FieldRef<'a> {
    fn from(field: Field<'a>) -> Self {
        let Field { name, value, static_index, never_index, .. } = field;
        Self { name, value, static_index, never_index }
    }
}

/// Look-up from hashes to entries of the table: by the hash's low bits, each slot the number of an entry. A
/// number that was evicted, or of another field, is a miss.
struct Index {
    fields: [u32; SLOTS],
    names: [u32; SLOTS],
    seen: [u32; SEEN],
}

/// One direction's encoder.
pub struct Encoder {
    table: Table,
    index: Option<Box<Index>>,
    /// The largest size that we use, whatever the peer allows.
    own_max: usize,
    /// Sizes to be told at the start of the next block: the smallest and the last, where they changed.
    pending: Option<(usize, usize)>,
    huffman: bool,
}

impl Encoder {
    pub fn new(own_max: usize, huffman: bool) -> Self {
        let pending = (own_max < 4096).then_some((own_max, own_max));
        Self { table: Table::new(4096.min(own_max)), index: None, own_max, pending, huffman }
    }

    /// The peer's SETTINGS allow a table of this size.
    pub fn peer_allows(&mut self, size: usize) {
        let size = size.min(self.own_max);
        if size == self.table.max() && self.pending.is_none() {
            return;
        }
        let smallest = self.pending.map_or(size, |(smallest, _)| smallest.min(size));
        self.pending = Some((smallest, size));
        self.table.set_max(size);
    }

    /// To be called before the first field of each block.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        if let Some((smallest, last)) = self.pending.take() {
            if smallest < last {
                integer::write(out, 0x20, 5, smallest);
            }
            integer::write(out, 0x20, 5, last);
        }
    }

    /// Appends one field.
    pub fn field(&mut self, field: FieldRef<'_>, out: &mut Vec<u8>) {
        let known = match field.static_index {
            0 => static_table::find(field.name),
            index => static_table::canonical(index),
        };
        if field.never_index || is_secret(known, field.value) {
            return self.literal(0x10, 4, usize::from(known), field, known, out);
        }
        if let Some(index) = static_table::exact(known, field.value) {
            return out.push(0x80 | index);
        }
        let name_hash = match known {
            0 => hash(field.name, 0),
            known => (u64::from(known) << 32 | u64::from(known)).wrapping_mul(MULTIPLIER),
        };
        let field_hash = hash(field.value, name_hash);
        let index = self.index.get_or_insert_with(|| {
            Box::new(Index { fields: [0; SLOTS], names: [0; SLOTS], seen: [0; SEEN] })
        });
        let (name_slot, slot) = (slot_of(name_hash), slot_of(field_hash));
        if let Some(age) = find(&self.table, index.fields[slot], known, field, true) {
            return integer::write(out, 0x80, 7, static_table::LENGTH + 1 + age);
        }
        let named = find(&self.table, index.names[name_slot], known, field, false);
        let seen = &mut index.seen[field_hash as usize % SEEN];
        let again = *seen == (field_hash >> 32) as u32;
        *seen = (field_hash >> 32) as u32;
        let name = match (known, named) {
            (0, Some(age)) => static_table::LENGTH + 1 + age,
            (known, _) => usize::from(known),
        };
        let fits = field.name.len() + field.value.len() + 32 <= self.table.max() / 2;
        if fits && (again || named.is_none()) {
            let (kind, flags) = (NameKind::Regular, Flags::NONE);
            let meta = Meta { static_index: known, kind, flags, class: 0 };
            self.table.insert(meta, field.name, field.value);
            index.fields[slot] = self.table.inserted();
            index.names[name_slot] = self.table.inserted();
            return self.literal(0x40, 6, name, field, known, out);
        }
        self.literal(0, 4, name, field, known, out);
    }

    fn literal(
        &self,
        pattern: u8,
        prefix: u32,
        name: usize,
        field: FieldRef<'_>,
        known: u8,
        out: &mut Vec<u8>,
    ) {
        integer::write(out, pattern, prefix, name);
        if name == 0 {
            debug_assert_eq!(known, 0);
            self.string(field.name, out);
        }
        self.string(field.value, out);
    }

    fn string(&self, text: &[u8], out: &mut Vec<u8>) {
        let encoded = if self.huffman { huffman::encoded_length(text) } else { text.len() };
        if encoded < text.len() {
            integer::write(out, 0x80, 7, encoded);
            huffman::encode(text, out);
        } else {
            integer::write(out, 0, 7, text.len());
            out.extend_from_slice(text);
        }
    }
}

/// Values that an attacker could guess by how they compress (RFC 7541 section 7.1.3).
fn is_secret(known: u8, value: &[u8]) -> bool {
    match known {
        AUTHORIZATION | PROXY_AUTHORIZATION => true,
        COOKIE => value.len() < SHORTEST_INDEXED_COOKIE,
        _ => false,
    }
}

fn slot_of(hash: u64) -> usize {
    (hash >> 40) as usize % SLOTS
}

/// The age of entry `number`, when it still lives and has this name (and value, if that counts).
fn find(
    table: &Table,
    number: u32,
    known: u8,
    field: FieldRef<'_>,
    value_too: bool,
) -> Option<usize> {
    // Slots that were never written say 0, which would be an age of all that was inserted.
    let age = table.inserted().wrapping_sub(number) as usize;
    let (meta, name, value) = table.get(age)?;
    let same_name = meta.static_index == known && (known != 0 || name == field.name);
    (same_name && (!value_too || value == field.value)).then_some(age)
}

/// A hash of 8 bytes a step. Collisions only cost compression: what is found is compared.
fn hash(bytes: &[u8], seed: u64) -> u64 {
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(MULTIPLIER).rotate_left(29);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        hash = mix(hash, chunk.try_into().map_or(0, u64::from_le_bytes));
    }
    let mut last = 0;
    for &byte in chunks.remainder() {
        last = last << 8 | u64::from(byte);
    }
    let hash = mix(hash, last);
    (hash ^ hash >> 32).wrapping_mul(MULTIPLIER)
}

#[cfg(test)]
impl Encoder {
    pub fn inserted_for_test(&self) -> u32 {
        self.table.inserted()
    }
}
