//! What commands print, checked against Envoy 1.40 for the same facts.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::json;

use super::{FormatContext, Formatter, JsonFormatter, LogType};
use crate::address::Address;
use crate::headers::Headers;
use crate::http::flags::ResponseFlags;
use crate::http::stream_info::{Attempt, ConnectionInfo, Protocol, RouteInfo, StreamInfo};
use crate::proto;
use crate::upstream::Host;

/// One request and all that is known of it.
pub(crate) struct Sample {
    pub info: StreamInfo,
    pub request: Headers,
    pub response: Headers,
    pub trailers: Headers,
}

fn address(text: &str) -> Address {
    Address::Ip(text.parse().unwrap())
}

fn host(name: &str, text: &str) -> Arc<Host> {
    Arc::new(Host::new(address(text), name.into(), Arc::default(), 0))
}

impl Sample {
    pub fn new() -> Self {
        let start = Instant::now();
        let connection = ConnectionInfo {
            id: 7,
            remote: address("127.0.0.1:46334"),
            local: address("[2001:db8::1]:80"),
            start,
            listener: "l0".into(),
            filter_chain: "fcname".into(),
            listener_metadata: None,
            filter_chain_metadata: None,
            tls: None,
            traffic_direction: "unspecified",
            tally: Default::default(),
            inspected: None,
            state: Default::default(),
        };
        // 2026-11-22T19:15:39.609804 UTC
        let wall = UNIX_EPOCH + Duration::from_micros(1_795_374_939_609_804);
        let mut info = StreamInfo::new(Rc::new(connection), start, wall);
        info.protocol = Some(Protocol::Http11);
        info.response_code = 200;
        let mut request = Headers::new();
        for (name, value) in [
            (":method", "POST"),
            (":path", "/new/x?a=%41&b=x%20y+z&a=2"),
            (":authority", "h:1"),
            ("x-envoy-original-path", "/ok/x?z=1"),
            ("user-agent", "ua \"q\" \\ é"),
            ("x-multi", "one"),
            ("x-multi", "two"),
        ] {
            request.append_raw(name.as_bytes(), value.as_bytes());
        }
        Self { info, request, response: Headers::new(), trailers: Headers::new() }
    }

    pub fn context(&self) -> FormatContext<'_> {
        FormatContext {
            info: &self.info,
            request: Some(&self.request),
            response: Some(&self.response),
            trailers: Some(&self.trailers),
            local_reply_body: b"",
            log_type: LogType::DownstreamEnd,
        }
    }
}

/// Splits `NAME(argument):length` between percent signs, as the main thread does.
pub(crate) fn format(text: &str) -> proto::Format {
    use proto::format_piece::Kind;
    let mut pieces = Vec::new();
    for (index, part) in text.split('%').enumerate().filter(|(_, part)| !part.is_empty()) {
        let kind = if index % 2 == 0 {
            Kind::Literal(part.to_owned())
        } else {
            let (head, length) = match part.rsplit_once(':') {
                Some((head, length)) if length.parse::<u32>().is_ok() => {
                    (head, length.parse().ok())
                }
                _ => (part, None),
            };
            let (name, argument) = match head.split_once('(') {
                Some((name, rest)) => (name, Some(rest.trim_end_matches(')').to_owned())),
                None => (head, None),
            };
            Kind::Command(proto::Command {
                name: name.into(),
                argument,
                max_length: length,
                expression: None,
            })
        };
        pieces.push(proto::FormatPiece { kind: Some(kind) });
    }
    proto::Format { pieces, omit_empty: false }
}

fn render(sample: &Sample, text: &str) -> String {
    let mut out = Vec::new();
    Formatter::compile(&format(text)).unwrap().format(&sample.context(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn time(pattern: &str) -> String {
    let command = proto::Command {
        name: "START_TIME".into(),
        argument: Some(pattern.into()),
        ..Default::default()
    };
    let kind = Some(proto::format_piece::Kind::Command(command));
    let format = proto::Format { pieces: vec![proto::FormatPiece { kind }], ..Default::default() };
    let mut out = Vec::new();
    Formatter::compile(&format).unwrap().format(&Sample::new().context(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn times_follow_strftime_with_envoys_fractions() {
    for (pattern, wanted) in [
        ("", "2026-11-22T19:15:39.609Z"),
        ("%Y/%m/%dT%H:%M:%S%z|%f|%1f|%9f", "2026/11/22T19:15:39+0000|609804000|6|609804000"),
        (
            "%e|%a %b %d %j %Z %%|%3s|%E|%D|%T",
            "22|Sun Nov 22 326 UTC %|1795374939|%E|11/22/26|19:15:39",
        ),
        ("%y|%I %p|%E4Y|%E3S|%E*S|%E*f|%k", "26|07 PM|2026|39.609|39.609804|609804|19"),
        ("%c|%x|%X|%Q", "Sun Nov 22 19:15:39 2026|11/22/26|19:15:39|%Q"),
        ("%Ez|%P|%u|%w|%U|%W|%V|%G|%g|%R", "+00:00|pm|7|0|47|46|47|2026|26|19:15"),
        ("%r|%h|%l|%C|%O|%Ey|%Od|%ET|%A|%B", "07:15:39 PM|Nov| 7|20|%O|26|22|T|Sunday|November"),
        ("%-d|%_d|%0e|%E0f|%E2f|%E9S|%E0S", "22|22|22||60|39.609804000|39"),
        ("%E20S|%3S|%v|%i", "39.609804000000000000|039|%v|%i"),
        ("%s.%3f", "1795374939.609"),
    ] {
        assert_eq!(time(pattern), wanted, "{pattern}");
    }
}

#[test]
fn headers_take_the_first_value_or_the_alternative() {
    let sample = Sample::new();
    for (command, wanted) in [
        ("REQ(:METHOD)", "POST"),
        ("REQ(X-NONE?:PATH):4", "/new"),
        ("REQ(?:method)", "POST"),
        ("REQ(x-multi)", "one"),
        ("REQUEST_HEADER(host)", "h:1"),
        ("REQ_WITHOUT_QUERY(:path)", "/new/x"),
        ("RESP(server)", "-"),
        ("PATH", "/ok/x?z=1"),
        ("PATH(NQ)", "/ok/x"),
        ("PATH(NQ:PATH)", "/new/x"),
        ("PATH(WQ:ORIG):4", "/ok/"),
        ("QUERY_PARAM(a)", "A"),
        ("QUERY_PARAM(b)", "x y+z"),
        ("QUERY_PARAM(c)", "-"),
        ("QUERY_PARAMS:4", "a=%4"),
        ("REQUESTED_SERVER_NAME", "-"),
        ("REQUESTED_SERVER_NAME(SNI_FIRST)", "h:1"),
        ("REQUESTED_SERVER_NAME(HOST_FIRST:ORIG)", "-"),
        ("STREAM_ID", "-"),
    ] {
        assert_eq!(render(&sample, &format!("%{command}%")), wanted, "{command}");
    }
}

#[test]
fn decoded_queries_stay_readable() {
    for (query, wanted) in [
        ("a=%41%2B+&b=1%2&e=&%41=5&x=%26%3D%25%20%23", "a=A++&b=12&e=&A=5&x=&=%%20#"),
        ("a=%7f%0a%22%3c%3E%zz%e9%", "a=%7f%0a%22%3c%3Ezz%e9%"),
        ("a=%2", "a=%2"),
        ("a=%09%5b%7b%7C%60%5c%5e%2f%3f%40", "a=%09[%7b%7C`%5c%5e/?@"),
        ("a=%7d%7e%5d%27%28%29%80%00", "a=%7d~]'()%80%00"),
    ] {
        let mut sample = Sample::new();
        sample.request.set(crate::headers::HeaderId::Path, format!("/?{query}").as_bytes());
        assert_eq!(render(&sample, "%QUERY_PARAMS(DECODED)%"), wanted, "{query}");
    }
}

#[test]
fn addresses_are_whole_masked_or_ports() {
    let mut sample = Sample::new();
    sample.info.remote = address("10.1.10.23:9");
    for (command, wanted) in [
        ("DOWNSTREAM_REMOTE_ADDRESS", "10.1.10.23:9"),
        ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "10.1.10.23"),
        ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16)", "10.1.0.0/16"),
        ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(64)", "10.1.10.23/32"),
        ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(0)", "0.0.0.0/0"),
        ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(x)", "10.1.10.23"),
        ("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", "127.0.0.1:46334"),
        ("DOWNSTREAM_DIRECT_REMOTE_PORT", "46334"),
        ("DOWNSTREAM_LOCAL_ADDRESS", "[2001:db8::1]:80"),
        ("DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "2001:db8::1"),
        ("DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT(16)", "2001::/16"),
        ("UPSTREAM_REMOTE_ADDRESS", "-"),
        ("UPSTREAM_LOCAL_PORT", "-"),
    ] {
        assert_eq!(render(&sample, &format!("%{command}%")), wanted, "{command}");
    }
}

#[test]
fn upstream_facts_name_every_attempt() {
    let mut sample = Sample::new();
    let upstream = &mut sample.info.upstream;
    upstream
        .earlier_attempts
        .push(Attempt { host: host("", "10.0.0.1:80"), connection_id: Some(3) });
    upstream.earlier_attempts.push(Attempt { host: host("", "10.0.0.9:80"), connection_id: None });
    upstream.host = Some(host("name:443", "10.0.0.2:80"));
    upstream.connection_id = Some(4);
    for (command, wanted) in [
        ("UPSTREAM_HOST", "10.0.0.2:80"),
        ("UPSTREAM_HOST_NAME", "name:443"),
        ("UPSTREAM_HOST_NAME_WITHOUT_PORT", "name"),
        ("UPSTREAM_HOSTS_ATTEMPTED", "10.0.0.1:80,10.0.0.2:80"),
        ("UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT", "10.0.0.1,10.0.0.2"),
        ("UPSTREAM_HOST_NAMES_ATTEMPTED", "10.0.0.1:80,name:443"),
        ("UPSTREAM_CONNECTION_IDS_ATTEMPTED", "3,4"),
        ("UPSTREAM_REMOTE_ADDRESS", "10.0.0.2:80"),
        ("UPSTREAM_CLUSTER", "-"),
        ("ROUTE_NAME", "-"),
    ] {
        assert_eq!(render(&sample, &format!("%{command}%")), wanted, "{command}");
    }
}

#[test]
fn flags_are_listed_as_envoy_sets_them() {
    let mut sample = Sample::new();
    assert_eq!(render(&sample, "%RESPONSE_FLAGS%"), "-");
    sample.info.flags =
        ResponseFlags::UPSTREAM_RETRY_LIMIT_EXCEEDED | ResponseFlags::UPSTREAM_CONNECTION_FAILURE;
    assert_eq!(render(&sample, "%RESPONSE_FLAGS%"), "URX,UF");
    sample.info.protocol = None;
    assert_eq!(render(&sample, "%RESPONSE_FLAGS%"), "UF,URX");
    assert_eq!(
        render(&sample, "%RESPONSE_FLAGS_LONG%"),
        "UpstreamConnectionFailure,UpstreamRetryLimitExceeded"
    );
}

#[test]
fn durations_are_between_points_in_their_order() {
    let mut sample = Sample::new();
    let start = sample.info.start;
    sample.info.last_rx = Some(start + Duration::from_micros(1500));
    sample.info.upstream.first_rx = Some(start + Duration::from_micros(500));
    sample.info.end = Some(start + Duration::from_micros(2999));
    for (command, wanted) in [
        ("DURATION", "2"),
        ("REQUEST_DURATION", "1"),
        ("RESPONSE_DURATION", "0"),
        ("RESPONSE_TX_DURATION", "-"),
        ("COMMON_DURATION(DS_RX_BEG:DS_RX_END)", "1"),
        ("COMMON_DURATION(DS_RX_END:US_RX_BEG:us)", "-"),
        ("COMMON_DURATION(DS_RX_BEG:US_RX_BEG:ns)", "500000"),
        ("COMMON_DURATION(DS_RX_BEG:custom)", "-"),
        ("COMMON_DURATION(DS_CX_BEG:DS_CX_END)", "-"),
    ] {
        assert_eq!(render(&sample, &format!("%{command}%")), wanted, "{command}");
    }
}

#[test]
fn details_have_no_white_space_unless_it_is_wanted() {
    let mut sample = Sample::new();
    sample.info.details = "a b\tc".into();
    assert_eq!(render(&sample, "%RESPONSE_CODE_DETAILS%"), "a_b_c");
    assert_eq!(render(&sample, "%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%"), "a b\tc");
}

#[test]
fn grpc_status_is_for_grpc_requests_only() {
    let mut sample = Sample::new();
    sample.response.append_raw(b"grpc-status", b"5");
    assert_eq!(render(&sample, "%GRPC_STATUS%"), "-");
    sample.request.append_raw(b"content-type", b"application/grpc+proto");
    assert_eq!(render(&sample, "%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)%"), "NotFound NOT_FOUND");
    sample.trailers.append_raw(b"grpc-status", b"99");
    assert_eq!(render(&sample, "%GRPC_STATUS% %GRPC_STATUS_NUMBER%"), "99 99");
    sample.trailers.clear();
    sample.response.clear();
    sample.info.response_code = 503;
    assert_eq!(render(&sample, "%GRPC_STATUS%"), "Unavailable");
}

fn with_metadata() -> Sample {
    let mut sample = Sample::new();
    let metadata = json!({"ns": {"s": "str\"q", "n": 5, "f": 1.5, "b": true, "z": null,
        "l": [1, "a"], "o": {"x": "y", "k": -0.0000001, "a": 1e21}}});
    sample.info.route =
        Some(Arc::new(RouteInfo { metadata: Some(Arc::new(metadata)), ..Default::default() }));
    sample
}

#[test]
fn metadata_is_text_or_json() {
    let sample = with_metadata();
    for (command, wanted) in [
        ("ns:s", "str\"q"),
        ("ns:s):2", "st"),
        ("ns:n", "5"),
        ("ns:f", "1.5"),
        ("ns:b", "true"),
        ("ns:z", "-"),
        ("ns:l", "[1,\"a\"]"),
        ("ns:o", "{\"a\":1e+21,\"k\":-1e-07,\"x\":\"y\"}"),
        ("ns:o):5", "{\"a\":"),
        ("ns:o:x", "y"),
        ("ns:o:nope", "-"),
        ("nope", "-"),
    ] {
        let close = if command.contains(')') { "" } else { ")" };
        assert_eq!(render(&sample, &format!("%METADATA(ROUTE:{command}{close}%")), wanted);
    }
}

#[test]
fn numbers_take_the_shorter_form() {
    let numbers = json!([
        0.1,
        1e15,
        123456789012345678i64,
        1e20,
        0.0001,
        1.23456789012345,
        -5,
        0,
        -0.0,
        9007199254740992i64,
        100000,
        100001,
        1e300
    ]);
    let mut out = Vec::new();
    super::json::render_value(Some(&numbers), &mut out);
    assert_eq!(
        String::from_utf8_lossy(&out),
        "[0.1,1e+15,123456789012345680,1e+20,1e-04,1.23456789012345,-5,0,-0,9007199254740992,\
         1e+05,100001,1e+300]"
    );
}

fn leaf(text: &str, omit_empty: bool) -> proto::JsonFormat {
    let format = proto::Format { omit_empty, ..format(text) };
    proto::JsonFormat { kind: Some(proto::json_format::Kind::Format(format)) }
}

fn object(members: Vec<(&str, proto::JsonFormat)>) -> proto::JsonFormat {
    let members = members
        .into_iter()
        .map(|(name, value)| proto::JsonMember { name: name.into(), value: Some(value) })
        .collect();
    proto::JsonFormat {
        kind: Some(proto::json_format::Kind::Object(proto::JsonObject { members })),
    }
}

fn list(items: Vec<proto::JsonFormat>) -> proto::JsonFormat {
    proto::JsonFormat { kind: Some(proto::json_format::Kind::List(proto::JsonList { items })) }
}

fn raw(text: &str) -> proto::JsonFormat {
    proto::JsonFormat { kind: Some(proto::json_format::Kind::Raw(text.into())) }
}

fn render_json(sample: &Sample, format: &proto::JsonFormat) -> String {
    let mut out = Vec::new();
    JsonFormatter::compile(format).unwrap().format(&sample.context(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_json_leaf_of_one_command_keeps_its_type() {
    let sample = with_metadata();
    let format = object(vec![
        ("a\"", list(vec![leaf("%REQ(nope)%", false), leaf("x", false), raw("100000")])),
        ("code", leaf("%RESPONSE_CODE%", false)),
        ("cut", leaf("%METADATA(ROUTE:ns:l):3%", false)),
        ("mixed", leaf("%REQ(nope)%=%RESPONSE_CODE%", false)),
        ("none", leaf("%REQ(nope)%", false)),
        ("ua", leaf("%REQ(user-agent)%", false)),
    ]);
    assert_eq!(
        render_json(&sample, &format),
        "{\"a\\\"\":[null,\"x\",1e+05],\"code\":200,\"cut\":[1,\"a\"],\"mixed\":\"-=200\",\
         \"none\":null,\"ua\":\"ua \\\"q\\\" \\\\ é\"}\n"
    );
}

#[test]
fn json_leaves_out_what_is_absent_where_that_is_wanted() {
    let sample = Sample::new();
    let absent = || leaf("%REQ(nope)%", true);
    let format = object(vec![
        ("l", list(vec![absent(), leaf("x", true), absent()])),
        ("mm", leaf("%REQ(nope)%%REQ(nope)%", true)),
        ("o", object(vec![("o3", object(vec![("a", absent())]))])),
    ]);
    assert_eq!(render_json(&sample, &format), "{\"l\":[\"x\"],\"mm\":\"\"}\n");
}

#[test]
fn bytes_that_are_not_utf8_become_escapes() {
    let mut sample = Sample::new();
    sample.response.append_raw(b"q", b"a\"b\\\xc3\xa9\xff\tz</");
    let format = object(vec![("q", leaf("%RESP(q)%", false))]);
    let wanted = "{\"q\":\"a\\u0022b\\u005c\\u00c3\\u00a9\\u00ff\\u0009z</\"}\n";
    assert_eq!(render_json(&sample, &format), wanted);
}

#[test]
fn coalesce_takes_the_first_value() {
    let command = |json: &str| proto::Command {
        name: "COALESCE".into(),
        argument: Some(json.into()),
        ..Default::default()
    };
    let compile = |json: &str| super::Command::compile(&command(json)).map(|_| ());
    assert!(compile("{\"operators\":[]}").is_err());
    assert!(compile("{\"operators\":[\"REQ\"]}").is_err());
    let json = "{\"operators\":[\"REQUESTED_SERVER_NAME\",\
                {\"command\":\"REQ\",\"param\":\":authority\",\"max_length\":2}]}";
    let mut out = Vec::new();
    super::Command::compile(&command(json)).unwrap().render(&Sample::new().context(), &mut out);
    assert_eq!(out, b"h:");
}

#[test]
fn wrong_commands_are_named() {
    for (text, reason) in [
        ("%NOPE%", "NOPE is not supported"),
        ("%REQ%", "REQ requires parameters"),
        ("%REQ(a?b?c)%", "more than one alternative"),
        ("%RESPONSE_CODE(x)%", "does not take any parameters"),
        ("%METADATA(X:y)%", "\"X\" is not a type of metadata"),
        ("%COMMON_DURATION(DS_RX_BEG)%", "START:END:PRECISION"),
        ("%COMMON_DURATION(a:b:x)%", "invalid precision \"x\""),
        ("%FILTER_STATE(a:FIELD)%", "name of a field"),
        ("%PATH(X)%", "only WQ and NQ"),
        ("%GRPC_STATUS(X)%", "only CAMEL_STRING"),
        ("%START_TIME(n)%", ""),
    ] {
        let outcome = Formatter::compile(&format(text)).map(|_| ());
        match reason {
            "" => assert!(outcome.is_ok()),
            _ => assert!(outcome.unwrap_err().to_string().contains(reason), "{text}"),
        }
    }
    assert!(super::time::TimeOf::start("%n", false).is_err());
}

#[test]
fn unique_ids_are_version_4_uuids() {
    let text = render(&Sample::new(), "%UNIQUE_ID%");
    let bytes = text.as_bytes();
    assert_eq!((bytes.len(), bytes[14], bytes[8]), (36, b'4', b'-'));
    assert!(b"89ab".contains(&bytes[19]));
    assert_ne!(text, render(&Sample::new(), "%UNIQUE_ID%"));
}

#[test]
fn every_command_of_the_facts_renders() {
    let sample = Sample::new();
    let mut seen = std::collections::HashSet::new();
    for (name, fact) in super::facts::FACTS {
        assert!(seen.insert(name), "{name} twice");
        fact(&sample.context(), &mut Vec::new());
    }
}
