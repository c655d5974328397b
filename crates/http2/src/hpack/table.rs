//! A dynamic table (RFC 7541 section 2.3.2).
//!
//! Names and values lie in one byte buffer of at most twice the table's size, oldest first: what is evicted is
//! given back when the buffer is full, by moving what lives to its start. A byte is so moved at most about once
//! for each byte added, and each entry is one slice.

use std::collections::VecDeque;

use super::name::{Flags, NameKind};
use super::static_table;

/// Bytes that an entry counts beside its name and value (RFC 7541 section 4.1).
const OVERHEAD: usize = 32;

/// Room below which moving entries together is not worth while.
const SMALLEST_BUFFER: usize = 512;

/// What is known of a field beside its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// Index of the name in the static table (the first that has it), or 0. Such a name is not stored.
    pub static_index: u8,
    pub kind: NameKind,
    pub flags: Flags,
    /// What the caller's classification said of the name; 0 for names of the static table.
    pub class: u16,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Where its bytes start, counted from the first byte that was ever stored (wrapping).
    start: u32,
    /// Stored bytes of the name.
    name: u32,
    value: u32,
    meta: Meta,
}

impl Entry {
    fn stored(&self) -> usize {
        (self.name + self.value) as usize
    }

    fn size(&self) -> usize {
        self.stored() + static_table::name(self.meta.static_index).len() + OVERHEAD
    }
}

/// A dynamic table; empty ones own no memory.
pub struct Table {
    bytes: Vec<u8>,
    /// `start` of an entry at the first byte of `bytes`.
    origin: u32,
    /// Oldest first.
    entries: VecDeque<Entry>,
    size: usize,
    max: usize,
    /// Entries that were ever inserted (wrapping).
    inserted: u32,
}

impl Table {
    pub fn new(max: usize) -> Self {
        Self { bytes: Vec::new(), origin: 0, entries: VecDeque::new(), size: 0, max, inserted: 0 }
    }

    pub fn max(&self) -> usize {
        self.max
    }

    /// Entries that were ever inserted (wrapping): the newest has this number.
    pub fn inserted(&self) -> u32 {
        self.inserted
    }

    /// Changes the size, and evicts what no longer fits.
    pub fn set_max(&mut self, max: usize) {
        self.max = max;
        self.evict(max);
    }

    /// The entry whose index is `age` past the static table's, 0 for the newest: what is known of it, its
    /// stored name (empty when the name is in the static table) and its value.
    pub fn get(&self, age: usize) -> Option<(Meta, &[u8], &[u8])> {
        let place = self.entries.len().checked_sub(age + 1)?;
        let entry = self.entries.get(place)?;
        let start = entry.start.wrapping_sub(self.origin) as usize;
        let (name, value) =
            self.bytes.get(start..start + entry.stored())?.split_at(entry.name as usize);
        Some((entry.meta, name, value))
    }

    /// Adds an entry, after evicting the oldest ones to make room. One that is larger than the table empties
    /// it (RFC 7541 section 4.4). `name` is not read when the name is in the static table.
    pub fn insert(&mut self, meta: Meta, name: &[u8], value: &[u8]) {
        let name = if meta.static_index == 0 { name } else { &[] };
        let mut entry =
            Entry { start: 0, name: name.len() as u32, value: value.len() as u32, meta };
        let Some(room) = self.max.checked_sub(entry.size()) else { return self.evict(0) };
        self.evict(room);
        let limit = SMALLEST_BUFFER.max(2 * self.max);
        if self.bytes.len() + entry.stored() > limit {
            self.gather();
        }
        entry.start = self.origin.wrapping_add(self.bytes.len() as u32);
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        self.size += entry.size();
        self.entries.push_back(entry);
        self.inserted = self.inserted.wrapping_add(1);
    }

    fn evict(&mut self, room: usize) {
        while self.size > room {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.size -= oldest.size();
        }
        if self.entries.is_empty() {
            self.bytes.clear();
        }
    }

    /// Moves the bytes of what lives to the start of the buffer.
    fn gather(&mut self) {
        let Some(oldest) = self.entries.front() else { return };
        let start = oldest.start.wrapping_sub(self.origin) as usize;
        self.bytes.copy_within(start.., 0);
        self.bytes.truncate(self.bytes.len() - start);
        self.origin = oldest.start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> Meta {
        Meta { static_index: 0, kind: NameKind::Regular, flags: Flags::NONE, class: 0 }
    }

    #[test]
    fn oldest_entries_go_and_slices_stay_whole() {
        let mut table = Table::new(200);
        for number in 0..10_000u32 {
            let name = format!("name-{number}");
            let value = "v".repeat(number as usize % 70);
            table.insert(meta(), name.as_bytes(), value.as_bytes());
            let (_, got_name, got_value) = table.get(0).expect("just inserted");
            assert_eq!(got_name, name.as_bytes());
            assert_eq!(got_value, value.as_bytes());
            let sizes: usize =
                (0..).map_while(|age| table.get(age)).map(|(_, n, v)| n.len() + v.len() + 32).sum();
            assert_eq!(sizes, table.size);
            assert!(table.size <= 200 && table.bytes.capacity() <= 1024);
        }
        assert_eq!(table.inserted(), 10_000);
    }

    #[test]
    fn one_larger_than_the_table_empties_it() {
        let mut table = Table::new(64);
        table.insert(meta(), b"a", b"b");
        table.insert(meta(), b"a", &[b'x'; 32]);
        assert!(table.get(0).is_none());
        assert_eq!(table.size, 0);
    }
}
