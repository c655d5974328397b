//! A token is read or refused, never panics; its parts are where they were found, and no key verifies what was not
//! signed.
#![no_main]

use std::sync::OnceLock;

use lateen_core::jwt::{KeySet, Token};
use libfuzzer_sys::fuzz_target;

static KEYS: OnceLock<KeySet> = OnceLock::new();

fn keys() -> KeySet {
    let secret = r#"{"kty":"oct","k":"c2VjcmV0"}"#;
    let point = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    KeySet::read(format!(r#"{{"keys":[{secret},{point}]}}"#).as_bytes()).expect("keys")
}

fuzz_target!(|input: &[u8]| {
    let Ok(token) = Token::read(input) else { return };
    let text = std::str::from_utf8(input).expect("a token is text");
    assert_eq!(text.split('.').nth(1), Some(token.encoded_payload()));
    assert_eq!(token.payload.get("iss").map_or(Some(""), |iss| iss.as_str()), Some(token.issuer()));
    for now in [0, 1 << 32, u64::MAX] {
        assert_eq!(token.check_time(now, u64::MAX), Ok(()));
    }
    assert!(KEYS.get_or_init(keys).verify(&token).is_err());
});
