//! A response head parses or is refused, and never panics.
#![no_main]

use lateen_core::headers::Headers;
use lateen_core::http1::response::{parse, ResponseRules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, input)) = input.split_first() else { return };
    let rules = ResponseRules {
        to_head: choice & 1 != 0,
        to_upgrade: choice & 2 != 0,
        to_connect: choice & 4 != 0,
        max_head_bytes: 60 * 1024,
        max_headers: 100,
        preserve_case: choice & 8 != 0,
    };
    let mut headers = Headers::new();
    if let Ok(Some(head)) = parse(input, &rules, &mut headers) {
        assert!(head.size <= input.len());
        assert!((100..1000).contains(&head.status));
    }
});
