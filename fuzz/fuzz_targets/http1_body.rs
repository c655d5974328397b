//! A chunked body decodes to the same bytes, and ends at the same place, however it arrives.
#![no_main]

use lateen_core::headers::Headers;
use lateen_core::http1::body::Step;
use lateen_core::http1::{BodyDecoder, BodyLength};
use libfuzzer_sys::fuzz_target;

/// The body and the bytes used, or `None` when the input is refused or unfinished.
fn decode(input: &[u8], piece: usize) -> Option<(Vec<u8>, usize)> {
    let mut decoder = BodyDecoder::new(BodyLength::Chunked, 1024, 16);
    let (mut body, mut trailers, mut have, mut used) = (Vec::new(), Headers::new(), 0, 0);
    loop {
        match decoder.step(&input[used..have], &mut trailers).ok()? {
            Step::Data(count) => {
                body.extend_from_slice(&input[used..used + count]);
                used += count;
                decoder.took(count);
            }
            Step::Skip(count) => used += count,
            Step::NeedMore if have == input.len() => return None,
            Step::NeedMore => have = input.len().min(have + piece),
            Step::End => return Some((body, used)),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&piece, input)) = input.split_first() else { return };
    let whole = decode(input, input.len().max(1));
    let pieces = decode(input, usize::from(piece).max(1));
    if let (Some(whole), Some(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces);
    }
});
