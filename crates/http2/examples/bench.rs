//! Measures what a request costs on both ends of a connection, without I/O:
//! `cargo run --release -p lateen-http2 --example bench`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use lateen_http2::{Config, Connection, Event, FieldRef, StreamKey};

const ROUNDS: u32 = 200_000;
const BATCH: usize = 32;

/// A request of a browser through a proxy: 4 pseudo headers and 8 others, two of which never repeat.
const REQUEST: [(&str, &str); 12] = [
    (":method", "GET"),
    (":scheme", "https"),
    (":path", "/api/v1/items/00000000?fields=name,price"),
    (":authority", "shop.example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("accept", "application/json, text/plain, */*"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br"),
    ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
    ("x-request-id", "3f2b8c1e-0000-4000-8000-000000000000"),
    ("x-forwarded-for", "192.0.2.17"),
    ("x-forwarded-proto", "https"),
];

const RESPONSE: [(&str, &str); 6] = [
    (":status", "200"),
    ("content-type", "application/json"),
    ("content-length", "13"),
    ("date", "Thu, 26 Nov 2026 01:00:00 GMT"),
    ("server", "envoy"),
    ("x-envoy-upstream-service-time", "3"),
];

fn fields<'a>(list: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = FieldRef<'a>> {
    list.iter().map(|(name, value)| FieldRef::new(name.as_bytes(), value.as_bytes()))
}

/// Hands what one end has to write to the other; calls `on` for each event.
fn pass(
    from: &mut Connection,
    to: &mut Connection,
    mut on: impl FnMut(&mut Connection, Event<'_>),
) {
    let mut used = 0;
    while used < from.output().len() {
        let step = to.receive(&from.output()[used..]);
        let Ok((count, event)) = step else { return eprintln!("{step:?}") };
        used += count;
        event.into_iter().for_each(|event| on(to, event));
    }
    from.consume_output(used);
}

fn main() {
    let huffman = std::env::args().all(|argument| argument != "plain");
    let config = Arc::new(Config { huffman, ..Config::default() });
    let (mut client, mut server) = (Connection::client(&config), Connection::server(&config));
    pass(&mut server, &mut client, |_, _| {});
    pass(&mut client, &mut server, |_, _| {});
    let mut spent: [Vec<u128>; 4] = std::array::from_fn(|_| Vec::new());
    let mut waiting: Vec<StreamKey> = Vec::new();
    for round in 0..ROUNDS / BATCH as u32 {
        let start = Instant::now();
        for number in 0..BATCH as u32 {
            let unique = format!("{:08x}", round * BATCH as u32 + number);
            let mut request = REQUEST;
            let path = format!("/api/v1/items/{unique}?fields=name,price");
            let id = format!("3f2b8c1e-{}-4000-8000-{unique}0000", &unique[4..]);
            request[2].1 = &path;
            request[9].1 = &id;
            let _ = black_box(client.open_stream(fields(&request), true));
        }
        spent[0].push(start.elapsed().as_nanos());
        let start = Instant::now();
        pass(&mut client, &mut server, |server, event| {
            if let Event::Headers { stream, .. } = event {
                black_box(server.fields().len());
                waiting.push(stream);
            }
        });
        spent[1].push(start.elapsed().as_nanos());
        let start = Instant::now();
        for stream in waiting.drain(..) {
            server.send_headers(stream, fields(&RESPONSE), false);
            server.send_data(stream, b"{\"items\": []}", true);
        }
        spent[2].push(start.elapsed().as_nanos());
        let start = Instant::now();
        pass(&mut server, &mut client, |client, event| {
            if let Event::Data { stream, bytes, .. } = event {
                client.release(stream, black_box(bytes.len()));
            }
        });
        spent[3].push(start.elapsed().as_nanos());
    }
    let steps =
        ["client writes request", "server reads it", "server writes response", "client reads it"];
    for (step, spent) in steps.iter().zip(&mut spent) {
        // The median: other work on the machine does not count.
        spent.sort_unstable();
        println!("{step:24} {:6} ns", spent[spent.len() / 2] / BATCH as u128);
    }
}
