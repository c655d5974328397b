//! A certificate is read or refused, never panics, and each of its alternative names is listed once by its kind.
#![no_main]

use lateen_core::tls::CertificateFacts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(facts) = CertificateFacts::read(input) else { return };
    let names = &facts.names;
    let kinds = [&names.dns, &names.uri, &names.email, &names.ip];
    let count = kinds.iter().map(|list| list.len()).sum::<usize>() + names.other.len();
    assert_eq!(names.all.len(), count);
    assert!(facts.serial.bytes().all(|byte| byte.is_ascii_hexdigit()));
});
