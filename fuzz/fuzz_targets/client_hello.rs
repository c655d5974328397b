//! The beginning of a TLS connection is read or refused, never panics, and says the same however much follows it.
#![no_main]

use lateen_core::listener::filters::client_hello::{parse, Parsed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Parsed::Hello(hello) = parse(input) else { return };
    assert!(hello.size <= input.len());
    assert_eq!(parse(&input[..hello.size]), Parsed::Hello(hello));
    for end in 0..5.min(input.len()) {
        assert_eq!(parse(&input[..end]), Parsed::Partial);
    }
});
