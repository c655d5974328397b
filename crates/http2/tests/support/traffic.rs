//! Random messages, the same each time.

use lateen_http2::FieldRef;

/// xorshift: the same traffic each time.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// One direction of one stream.
#[derive(Default, PartialEq, Debug, Clone)]
pub struct Message {
    pub head: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    pub ended: bool,
}

pub fn fields(list: &[(String, String)]) -> impl Iterator<Item = FieldRef<'_>> {
    list.iter().map(|(name, value)| FieldRef::new(name.as_bytes(), value.as_bytes()))
}

pub fn message_of(random: &mut Random, request: bool) -> Message {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut head = if request {
        let method = if random.chance(50) { "POST" } else { "PUT" };
        let path = format!("/{}", random.below(50));
        vec![
            pair(":method", method),
            pair(":scheme", "https"),
            pair(":path", &path),
            pair(":authority", "example.com"),
        ]
    } else {
        vec![pair(":status", ["200", "404", "503", "418"][random.below(4)])]
    };
    for _ in 0..random.below(12) {
        let name = format!("x-name-{}", random.below(40));
        let value = "vé~\"!".repeat(random.below(30)) + &random.below(9).to_string();
        head.push((name, value));
    }
    if random.chance(3) {
        head.push(pair("x-large", &"L".repeat(40_000)));
    }
    let size = [0, 10, 2000, 30_000, 100_000][random.below(5)];
    let body: Vec<u8> = (0..random.below(size + 1)).map(|at| (at * 31 % 251) as u8).collect();
    let trailers = if random.chance(20) { vec![pair("x-sum", "1")] } else { vec![] };
    Message { head, body, trailers, ended: true }
}
