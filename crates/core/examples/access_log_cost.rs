//! Prints what one access-log line costs: formatting, buffering and writing, in nanoseconds of wall-clock time
//! and of the process's CPU (the writer thread included).
//!
//! `cargo run --release -p lateen-core --example access_log_cost [PATH]`

use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use lateen_core::access_log::{AccessLog, Sinks};
use lateen_core::address::Address;
use lateen_core::formatter::{FormatContext, LogType};
use lateen_core::headers::Headers;
use lateen_core::http::stream_info::{ConnectionInfo, Protocol, StreamInfo};
use lateen_core::proto;
use lateen_core::runtime::Runtime;
use lateen_core::stats::Registry;
use lateen_core::upstream::Host;
use lateen_core::worker::Worker;

const LINES: u32 = 2_000_000;

/// The default format, as pieces: odd ones are commands.
const DEFAULT: &str =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" \
    %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% \
    %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \
    \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

fn pieces(text: &str) -> proto::Format {
    use proto::format_piece::Kind;
    let piece = |(index, part): (usize, &str)| {
        let kind = match (index % 2, part.split_once('(')) {
            (0, _) => Kind::Literal(part.to_owned()),
            (_, Some((name, argument))) => Kind::Command(proto::Command {
                name: name.to_owned(),
                argument: Some(argument.trim_end_matches(')').to_owned()),
                ..Default::default()
            }),
            (_, None) => {
                Kind::Command(proto::Command { name: part.to_owned(), ..Default::default() })
            }
        };
        proto::FormatPiece { kind: Some(kind) }
    };
    proto::Format { pieces: text.split('%').enumerate().map(piece).collect(), omit_empty: false }
}

fn json(text: &str) -> proto::JsonFormat {
    use proto::json_format::Kind;
    let leaf = |piece: proto::FormatPiece| proto::JsonFormat {
        kind: Some(Kind::Format(proto::Format { pieces: vec![piece], omit_empty: false })),
    };
    let commands = pieces(text).pieces.into_iter().skip(1).step_by(2).enumerate();
    let members = commands.map(|(index, piece)| proto::JsonMember {
        name: format!("member_{index}"),
        value: Some(leaf(piece)),
    });
    let object = proto::JsonObject { members: members.collect() };
    proto::JsonFormat { kind: Some(Kind::Object(object)) }
}

fn stream() -> Result<StreamInfo, Box<dyn Error>> {
    let start = Instant::now();
    let connection = ConnectionInfo {
        id: 1,
        remote: Address::Ip("127.0.0.1:51234".parse()?),
        local: Address::Ip("127.0.0.1:10000".parse()?),
        start,
        listener: "listener_0".into(),
        filter_chain: "".into(),
        listener_metadata: None,
        filter_chain_metadata: None,
        traffic_direction: "unspecified",
        tally: Default::default(),
        tls: None,
        inspected: None,
        state: Default::default(),
    };
    let mut info = StreamInfo::new(Rc::new(connection), start, SystemTime::now());
    info.protocol = Some(Protocol::Http11);
    info.response_code = 200;
    info.bytes_sent = 128;
    info.end = Some(start + Duration::from_millis(3));
    let address = Address::Ip("127.0.0.1:8080".parse()?);
    info.upstream.host = Some(Arc::new(Host::new(address, "".into(), Arc::default(), 0)));
    Ok(info)
}

fn headers(entries: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    entries.iter().for_each(|(name, value)| headers.append_raw(name.as_bytes(), value.as_bytes()));
    headers
}

/// CPU time of the process so far, of all threads.
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "/dev/null".to_owned());
    let registry = Arc::<Registry>::default();
    let sinks = Sinks::start(Duration::from_secs(10), &registry, 1)?;
    let worker = Worker::one_of(0, registry, sinks.clone());
    let request = headers(&[
        (":authority", "localhost:10000"),
        (":method", "GET"),
        (":path", "/some/path?with=query"),
        ("user-agent", "wrk/4.1.0"),
        ("x-request-id", "654283f0-20f4-4442-86bd-fca627d3f9cb"),
    ]);
    let response = headers(&[(":status", "200"), ("x-envoy-upstream-service-time", "3")]);
    let info = stream()?;
    let context = FormatContext {
        info: &info,
        request: Some(&request),
        response: Some(&response),
        trailers: None,
        local_reply_body: b"",
        log_type: LogType::DownstreamEnd,
    };
    use proto::access_log::Format;
    for (name, format) in
        [("text", Format::Text(pieces(DEFAULT))), ("json", Format::Json(json(DEFAULT)))]
    {
        let message =
            proto::AccessLog { path: path.clone(), format: Some(format), ..Default::default() };
        let log = AccessLog::compile(&message, &sinks)?;
        let runtime = Runtime::default();
        let (start, before) = (Instant::now(), cpu()?);
        for _ in 0..LINES {
            log.write(&context, &worker, &runtime);
        }
        worker.logs.flush();
        let per_line = |time: Duration| time.as_nanos() / u128::from(LINES);
        let (wall, used) = (per_line(start.elapsed()), per_line(cpu()?.saturating_sub(before)));
        println!("{name}: {wall} ns a line in the worker, {used} ns of CPU in all");
    }
    sinks.shutdown();
    Ok(())
}
