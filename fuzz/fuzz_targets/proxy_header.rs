//! A PROXY header parses or is refused, never panics; its size is within what there is, every beginning of it asks
//! for more, and what is written of its addresses reads the same.
#![no_main]

use lateen_core::listener::filters::proxy_header::{parse, tlvs, write_v1, write_v2};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(Some(header)) = parse(input) else { return };
    assert!(header.size <= input.len());
    let _ = tlvs(header.tlvs);
    for end in 0..header.size {
        assert_eq!(parse(&input[..end]), Ok(None));
    }
    let v2 = write_v2(header.addresses, &[]).unwrap_or_default();
    for written in [write_v1(header.addresses), v2] {
        let again = parse(&written);
        assert_eq!(again.map(|it| it.map(|it| it.addresses)), Ok(Some(header.addresses)));
    }
});
