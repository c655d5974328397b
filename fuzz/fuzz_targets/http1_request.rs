//! A request head parses or is refused, never panics, and what is written of it parses to the same.
#![no_main]

use lateen_core::headers::{HeaderId, Headers};
use lateen_core::http1::encode::{request_head, RequestStyle};
use lateen_core::http1::request::{parse, RequestLimits};
use lateen_core::http1::BodyLength;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let limits = RequestLimits::default();
    let mut headers = Headers::new();
    let Ok(Some(head)) = parse(input, &limits, &mut headers) else { return };
    assert!(head.size <= input.len());
    // `http://host?query` has a path that does not begin as one, as in Envoy; few routes take it.
    let odd = headers.get(HeaderId::Path).is_some_and(|path| path.starts_with(b"?"));
    if head.is_connect || odd {
        return;
    }
    // The connection manager takes hop-by-hop fields out before.
    headers.remove(HeaderId::TransferEncoding);
    let mut written = Vec::new();
    let end = head.body == BodyLength::Empty;
    let style = RequestStyle { tunnel: head.is_tunnel(), ..RequestStyle::default() };
    request_head(&mut written, &headers, end, style);
    // The encoder may add a field.
    let limits = RequestLimits { max_headers: 101, max_head_bytes: 64 * 1024, ..limits };
    let mut again = Headers::new();
    let second = match parse(&written, &limits, &mut again) {
        Ok(Some(second)) => second,
        other => panic!("{other:?} for {:?}", String::from_utf8_lossy(&written)),
    };
    assert_eq!(second.size, written.len());
    assert_eq!(second.body, head.body);
});
