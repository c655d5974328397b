//! An expression is taken or refused; evaluating one gives a value or none, never panics, and makes no long text.
#![no_main]

use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::{Instant, UNIX_EPOCH};

use lateen_core::cel::{print, to_json, Program, LONGEST};
use lateen_core::formatter::{FormatContext, LogType};
use lateen_core::headers::Headers;
use lateen_core::http::stream_info::{ConnectionInfo, StreamInfo};
use lateen_core::proto::Expression;
use libfuzzer_sys::fuzz_target;
use prost::Message;

fn request() -> Headers {
    let mut headers = Headers::new();
    for (name, value) in [(":method", "GET"), (":path", "/a?b=c"), ("x-a", "one"), ("x-a", "\u{e9}")] {
        headers.append_raw(name.as_bytes(), value.as_bytes());
    }
    headers
}

fuzz_target!(|input: &[u8]| {
    let Ok(message) = Expression::decode(input) else { return };
    let Ok(program) = Program::compile(&message) else { return };
    let connection = Rc::new(ConnectionInfo::without_client(1, Ipv4Addr::LOCALHOST));
    let mut info = StreamInfo::new(connection, Instant::now(), UNIX_EPOCH);
    info.set_metadata("ns", "key", serde_json::json!([1, {"a": "b"}]));
    let headers = request();
    let context = FormatContext {
        info: &info,
        request: Some(&headers),
        response: None,
        trailers: None,
        local_reply_body: b"",
        log_type: LogType::NotSet,
    };
    program.holds(&context);
    let Some(value) = program.evaluate(&context) else { return };
    let mut text = Vec::new();
    print(&value, &mut text);
    assert!(text.len() <= LONGEST.max(input.len()));
    _ = to_json(&value);
});
