//! A request head parses or is refused, never panics, and what is written of it parses to the same.
#![no_main]

use lateen_core::headers::Headers;
use lateen_core::http1::encode::{request_head, RequestStyle};
use lateen_core::http1::request::{parse, RequestLimits};
use lateen_core::http1::BodyLength;
use libfuzzer_sys::fuzz_target;

fn lines(headers: &Headers) -> Vec<(Vec<u8>, Vec<u8>)> {
    headers.iter().map(|(_, name, value)| (name.to_vec(), value.to_vec())).collect()
}

fuzz_target!(|input: &[u8]| {
    let limits = RequestLimits::default();
    let mut headers = Headers::new();
    let Ok(Some(head)) = parse(input, &limits, &mut headers) else { return };
    assert!(head.size <= input.len());
    if head.is_connect {
        return;
    }
    let mut written = Vec::new();
    let framed = lines(&headers).iter().any(|(name, _)| name == b"transfer-encoding");
    let end = framed || head.body == BodyLength::Empty;
    let style = RequestStyle { tunnel: head.is_tunnel(), ..RequestStyle::default() };
    request_head(&mut written, &headers, end, style);
    let mut again = Headers::new();
    let second = match parse(&written, &limits, &mut again) {
        Ok(Some(second)) => second,
        other => panic!("{other:?} for {:?}", String::from_utf8_lossy(&written)),
    };
    assert_eq!(second.size, written.len());
    assert_eq!(second.body, head.body);
});
