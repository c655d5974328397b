//! A set of keys is read or refused, never panics, and verifies no token that is not signed.
#![no_main]

use lateen_core::jwt::{KeySet, Token};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(keys) = KeySet::read(input) else { return };
    for header in ["eyJhbGciOiJSUzI1NiJ9", "eyJhbGciOiJFUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9"] {
        let token = Token::read(format!("{header}.e30.AAAA").as_bytes()).expect("a token");
        assert!(keys.verify(&token).is_err());
    }
});
