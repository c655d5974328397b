//! The examples of RFC 7541 appendix C, and what this encoder makes of fields.

use super::{Decoder, Encoder, FieldRef, HpackError, Limits};
use crate::fields::FieldBlock;

const LIMITS: Limits = Limits { max_bytes: 1 << 16, max_fields: 100 };

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn decoder() -> Decoder {
    Decoder::new(4096, |_| 7)
}

fn text(block: &FieldBlock) -> String {
    block
        .iter()
        .map(|field| {
            format!(
                "{}: {}\n",
                String::from_utf8_lossy(field.name),
                String::from_utf8_lossy(field.value)
            )
        })
        .collect()
}

fn decode(decoder: &mut Decoder, hex: &str) -> Result<String, HpackError> {
    let mut out = FieldBlock::default();
    decoder.decode(&bytes(hex), &mut out, &LIMITS)?;
    Ok(text(&out))
}

const FIRST: &str = ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n";

#[test]
fn single_fields() {
    let custom = "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572";
    assert_eq!(decode(&mut decoder(), custom).unwrap(), "custom-key: custom-header\n");
    let path = "040c 2f73 616d 706c 652f 7061 7468";
    assert_eq!(decode(&mut decoder(), path).unwrap(), ":path: /sample/path\n");
    let secret = "1008 7061 7373 776f 7264 0673 6563 7265 74";
    let mut out = FieldBlock::default();
    decoder().decode(&bytes(secret), &mut out, &LIMITS).unwrap();
    assert_eq!(text(&out), "password: secret\n");
    let field = out.iter().next().unwrap();
    assert!(field.never_index && field.static_index == 0 && field.class == 7);
    assert_eq!(decode(&mut decoder(), "82").unwrap(), ":method: GET\n");
}

#[test]
fn requests() {
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let huffman = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    for blocks in [plain, huffman] {
        let mut decoder = decoder();
        assert_eq!(decode(&mut decoder, blocks[0]).unwrap(), FIRST);
        let second = format!("{FIRST}cache-control: no-cache\n");
        assert_eq!(decode(&mut decoder, blocks[1]).unwrap(), second);
        let third = ":method: GET\n:scheme: https\n:path: /index.html\n\
                     :authority: www.example.com\ncustom-key: custom-value\n";
        assert_eq!(decode(&mut decoder, blocks[2]).unwrap(), third);
    }
}

#[test]
fn responses_with_eviction() {
    let plain = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a \
         3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 \
         677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 \
         553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ];
    let huffman = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e \
         919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 \
         821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed \
         4ee5 b106 3d50 07",
    ];
    let rest = |second: u8| {
        format!("date: Mon, 21 Oct 2013 20:13:2{second} GMT\nlocation: https://www.example.com\n")
    };
    for blocks in [plain, huffman] {
        let mut decoder = decoder();
        decoder.table_for_test(256);
        let first = format!(":status: 302\ncache-control: private\n{}", rest(1));
        assert_eq!(decode(&mut decoder, blocks[0]).unwrap(), first);
        let second = format!(":status: 307\ncache-control: private\n{}", rest(1));
        assert_eq!(decode(&mut decoder, blocks[1]).unwrap(), second);
        let third = format!(
            ":status: 200\ncache-control: private\n{}content-encoding: gzip\nset-cookie: \
             foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n",
            rest(2)
        );
        assert_eq!(decode(&mut decoder, blocks[2]).unwrap(), third);
    }
}

#[test]
fn what_is_no_hpack() {
    use HpackError::{InvalidHuffman, InvalidIndex, InvalidTableSize, Truncated};
    for (hex, error) in [
        ("80", InvalidIndex),
        ("be", InvalidIndex),
        ("7f00 0161", InvalidIndex),
        ("ff", Truncated),
        ("4003 6161", Truncated),
        ("4001 6102 61", Truncated),
        ("0081 ff01 61", InvalidHuffman),
        ("3fe2 1f", InvalidTableSize),
        ("82 20", InvalidTableSize),
    ] {
        assert_eq!(decode(&mut decoder(), hex), Err(error), "{hex}");
    }
    // 3fe11f is a size of 4096, which is allowed.
    assert_eq!(decode(&mut decoder(), "3fe11f 82").unwrap(), ":method: GET\n");
}

#[test]
fn a_smaller_table_must_be_taken_notice_of() {
    let mut decoder = decoder();
    decoder.acknowledged(100);
    assert_eq!(decode(&mut decoder, "82"), Err(HpackError::InvalidTableSize));
    assert_eq!(decode(&mut decoder, "3f45 82").unwrap(), ":method: GET\n");
    assert_eq!(decode(&mut decoder, "82").unwrap(), ":method: GET\n");
}

#[test]
fn what_is_past_the_limits_is_dropped_and_still_indexed() {
    let mut decoder = decoder();
    let mut out = FieldBlock::default();
    let limits = Limits { max_bytes: 20, max_fields: 100 };
    let block =
        bytes("4001 6101 62 400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572");
    decoder.decode(&block, &mut out, &limits).unwrap();
    assert!(out.overflowed());
    assert_eq!(text(&out), "a: b\n");
    assert_eq!(decode(&mut decoder, "be").unwrap(), "custom-key: custom-header\n");
    let limits = Limits { max_bytes: 2000, max_fields: 1 };
    decoder.decode(&bytes("8282"), &mut out, &limits).unwrap();
    assert!(out.overflowed() && out.len() == 1);
}

fn encode(encoder: &mut Encoder, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.begin(&mut out);
    for (name, value) in fields {
        encoder.field(FieldRef::new(name.as_bytes(), value.as_bytes()), &mut out);
    }
    out
}

#[test]
fn what_repeats_costs_a_byte_and_what_does_not_evicts_nothing() {
    let mut encoder = Encoder::new(4096, true);
    let mut decoder = decoder();
    let mut out = FieldBlock::default();
    for number in 0..1000 {
        let id = format!("id-{number}");
        let fields = [(":method", "GET"), (":path", &id), ("x-id", &id), ("x-same", "same")];
        let block = encode(&mut encoder, &fields);
        decoder.decode(&block, &mut out, &LIMITS).unwrap();
        let got: Vec<_> = out.iter().map(|field| (field.name, field.value)).collect();
        let sent: Vec<_> = fields.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
        assert_eq!(got, sent);
        if number > 0 {
            assert!(block.len() <= 1 + 2 * (2 + id.len()) + 1, "{}", block.len());
        }
    }
    assert_eq!(encoder.inserted_for_test(), 3);
}

#[test]
fn secrets_are_never_indexed() {
    let mut encoder = Encoder::new(4096, false);
    for _ in 0..3 {
        let block = encode(&mut encoder, &[("authorization", "abc"), ("cookie", "a=b")]);
        assert_eq!(block, b"\x1f\x08\x03abc\x1f\x11\x03a=b");
    }
}

#[test]
fn changes_of_size_are_told() {
    let mut encoder = Encoder::new(4096, true);
    encode(&mut encoder, &[("x-a", "b")]);
    encoder.peer_allows(0);
    encoder.peer_allows(100);
    assert_eq!(encode(&mut encoder, &[(":method", "GET")]), bytes("20 3f45 82"));
    encoder.peer_allows(100);
    assert_eq!(encode(&mut encoder, &[(":method", "GET")]), bytes("82"));
    encoder.peer_allows(1 << 20);
    assert_eq!(encode(&mut encoder, &[]), bytes("3fe11f"));
    assert_eq!(encode(&mut Encoder::new(0, true), &[]), bytes("20"));
}
