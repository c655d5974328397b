use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{AccessLog, LogFilter, Sinks};
use crate::formatter::tests::{format, Sample};
use crate::http::flags::ResponseFlags;
use crate::proto;
use crate::proto::access_log_filter::{comparison::Op, Kind};
use crate::proto::ProcessStat;
use crate::random::Random;
use crate::runtime::Runtime;
use crate::stats::Registry;
use crate::worker::Worker;

/// A directory of one test, removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lateen-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Process {
    registry: Arc<Registry>,
    sinks: Sinks,
}

impl Process {
    fn new() -> Self {
        let registry = Arc::<Registry>::default();
        let sinks = Sinks::start(Duration::from_secs(10), &registry, 9).unwrap();
        Self { registry, sinks }
    }

    fn worker(&self, index: usize) -> Rc<Worker> {
        Worker::one_of(index, self.registry.clone(), self.sinks.clone())
    }

    fn log(&self, path: &Path, text: &str) -> AccessLog {
        let message = proto::AccessLog {
            path: path.display().to_string(),
            format: Some(proto::access_log::Format::Text(format(text))),
            ..Default::default()
        };
        AccessLog::compile(&message, &self.sinks).unwrap()
    }

    fn total(&self, stat: ProcessStat) -> u64 {
        let blocks = self.registry.all();
        blocks.iter().fold(0, |sum, (_, _, _, block)| sum.wrapping_add(block.get(stat)))
    }
}

fn write(log: &AccessLog, worker: &Rc<Worker>) {
    log.write(&Sample::new().context(), worker, &Runtime::default());
}

#[test]
fn the_default_format_is_envoys() {
    let directory = Directory::new("default");
    let path = directory.0.join("log");
    let process = Process::new();
    let log = process.log(
        &path,
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" \
         %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% \
         %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \
         \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n",
    );
    write(&log, &process.worker(0));
    process.sinks.shutdown();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "[2026-11-22T19:15:39.609Z] \"POST /ok/x?z=1 HTTP/1.1\" 200 - 0 0 - \"-\" \"ua \"q\" \\ é\" \
         \"-\" \"h:1\" \"-\"\n"
    );
}

#[test]
fn workers_and_logs_of_one_path_share_a_file() {
    let directory = Directory::new("share");
    let path = directory.0.join("log");
    let process = Process::new();
    let logs = [process.log(&path, "one\n"), process.log(&path, "two\n")];
    let workers = [process.worker(0), process.worker(1)];
    for log in &logs {
        workers.iter().for_each(|worker| write(log, worker));
    }
    assert_eq!(process.total(ProcessStat::ProcessFilesystemWriteBuffered), 4);
    assert_eq!(process.total(ProcessStat::ProcessFilesystemWriteTotalBuffered), 16);
    workers.iter().for_each(|worker| worker.logs.flush());
    process.sinks.shutdown();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\none\ntwo\n");
    assert_eq!(process.total(ProcessStat::ProcessFilesystemWriteCompleted), 2);
    assert_eq!(process.total(ProcessStat::ProcessFilesystemFlushedByTimer), 2);
    assert_eq!(process.total(ProcessStat::ProcessFilesystemWriteTotalBuffered), 0);
}

#[test]
fn a_full_buffer_is_written_at_once() {
    let directory = Directory::new("full");
    let path = directory.0.join("log");
    let process = Process::new();
    let line = format!("{}\n", "x".repeat(1023));
    let log = process.log(&path, &line);
    let worker = process.worker(0);
    (0..100).for_each(|_| write(&log, &worker));
    process.sinks.shutdown();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 64 << 10);
    assert_eq!(process.total(ProcessStat::ProcessFilesystemFlushedByTimer), 0);
}

#[test]
fn a_rotated_file_is_opened_anew() {
    let directory = Directory::new("rotate");
    let path = directory.0.join("log");
    let process = Process::new();
    let log = process.log(&path, "line\n");
    let worker = process.worker(0);
    write(&log, &worker);
    worker.logs.flush();
    std::fs::rename(&path, directory.0.join("old")).unwrap();
    process.sinks.reopen();
    write(&log, &worker);
    worker.logs.flush();
    process.sinks.shutdown();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "line\n");
    assert!(std::fs::read_to_string(directory.0.join("old")).unwrap().starts_with("line\n"));
}

#[test]
fn a_failing_write_is_counted() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        println!("skipped: there is no /dev/full");
        return;
    }
    let process = Process::new();
    let log = process.log(full, "line\n");
    let worker = process.worker(0);
    for _ in 0..2 {
        write(&log, &worker);
        worker.logs.flush();
    }
    process.sinks.shutdown();
    assert_eq!(process.total(ProcessStat::ProcessFilesystemWriteFailed), 2);
    assert_eq!(process.total(ProcessStat::ProcessFilesystemWriteCompleted), 0);
}

#[test]
fn a_stuck_file_costs_lines_and_not_memory() {
    let process = Process::new();
    let (_unread, pipe) = std::io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&pipe));
    if !Path::new(&path).exists() {
        println!("skipped: there is no /proc");
        return;
    }
    let log = process.log(Path::new(&path), &"x".repeat(1 << 20));
    let worker = process.worker(0);
    (0..40).for_each(|_| write(&log, &worker));
    assert_eq!(process.total(ProcessStat::ProcessAccessLogLinesDropped), 24);
    assert_eq!(process.total(ProcessStat::ProcessFilesystemWriteTotalBuffered), 16 << 20);
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let process = Process::new();
    let message = proto::AccessLog {
        path: "/nonexistent/x.log".into(),
        format: Some(proto::access_log::Format::Text(format("x"))),
        ..Default::default()
    };
    let error = AccessLog::compile(&message, &process.sinks).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unable to open file '/nonexistent/x.log': No such file or directory"
    );
}

fn passes(kind: Kind, sample: &Sample) -> bool {
    passes_with(kind, sample, &Runtime::default())
}

fn passes_with(kind: Kind, sample: &Sample, runtime: &Runtime) -> bool {
    let message = proto::AccessLogFilter { kind: Some(kind) };
    let filter = LogFilter::compile(&message).unwrap();
    filter.passes(&sample.context(), runtime, &Random::seeded(1))
}

fn comparison(op: Op, default_value: u32) -> proto::access_log_filter::Comparison {
    let value = proto::RuntimeUint32 { runtime_key: "k".into(), default_value };
    proto::access_log_filter::Comparison { op: op.into(), value: Some(value) }
}

#[test]
fn comparisons_take_their_number_from_runtime_when_it_has_one() {
    let sample = Sample::new();
    for (op, number, wanted) in
        [(Op::Eq, 200, true), (Op::Ge, 201, false), (Op::Le, 200, true), (Op::Ne, 200, false)]
    {
        let kind = Kind::StatusCode(comparison(op, number));
        assert_eq!(passes(kind, &sample), wanted, "{op:?} {number}");
    }
    let runtime = Runtime::compile(&proto::Runtime { values: [("k".into(), "404".into())].into() });
    assert!(!passes_with(Kind::StatusCode(comparison(Op::Eq, 200)), &sample, &runtime));
    let mut slow = Sample::new();
    slow.info.end = Some(slow.info.start + Duration::from_millis(7));
    assert!(passes(Kind::DurationMs(comparison(Op::Ge, 7)), &slow));
    assert!(!passes(Kind::DurationMs(comparison(Op::Ge, 8)), &slow));
}

#[test]
fn a_share_is_chosen_by_the_request_id() {
    let share = |independent_randomness| {
        let fraction =
            proto::RuntimeFraction { numerator: 50, denominator: 100, ..Default::default() };
        Kind::Runtime(proto::access_log_filter::RuntimeFilter {
            fraction: Some(fraction),
            independent_randomness,
        })
    };
    let with_id = |id: &str| {
        let mut sample = Sample::new();
        sample.request.append_raw(b"x-request-id", id.as_bytes());
        sample
    };
    assert!(passes(share(false), &with_id("00000031-0000-a000-8000-000000000000")));
    assert!(!passes(share(false), &with_id("00000032-0000-4000-8000-000000000000")));
    let sample = with_id("00000032-0000-4000-8000-000000000000");
    let message = proto::AccessLogFilter { kind: Some(share(true)) };
    let filter = LogFilter::compile(&message).unwrap();
    let random = Random::seeded(5);
    let passed = (0..1000)
        .filter(|_| filter.passes(&sample.context(), &Runtime::default(), &random))
        .count();
    assert!((300..700).contains(&passed), "{passed}");
}

#[test]
fn filters_look_at_flags_status_type_and_health() {
    use proto::access_log_filter as filter;
    let mut sample = Sample::new();
    let flags = |names: &[&str]| {
        let flags = names.iter().map(|&name| name.into()).collect();
        Kind::ResponseFlags(filter::ResponseFlags { flags })
    };
    assert!(!passes(flags(&[]), &sample));
    sample.info.flags = ResponseFlags::NO_ROUTE_FOUND;
    assert!(passes(flags(&[]), &sample) && passes(flags(&["UF", "NR"]), &sample));
    assert!(!passes(flags(&["UF"]), &sample));
    let unknown = proto::AccessLogFilter { kind: Some(flags(&["XX"])) };
    assert!(LogFilter::compile(&unknown).is_err());
    let status = |statuses: &[u32], exclude| {
        Kind::GrpcStatus(filter::GrpcStatus { statuses: statuses.to_vec(), exclude })
    };
    assert!(passes(status(&[2], false), &sample) && !passes(status(&[2], true), &sample));
    sample.response.append_raw(b"grpc-status", b"5");
    assert!(passes(status(&[5, 6], false), &sample));
    let types =
        |name: &str, exclude| Kind::LogType(filter::LogType { types: vec![name.into()], exclude });
    assert!(passes(types("DownstreamEnd", false), &sample));
    assert!(!passes(types("DownstreamEnd", true), &sample));
    assert!(passes(Kind::NotHealthCheck(true), &sample));
    sample.info.health_check = true;
    assert!(!passes(Kind::NotHealthCheck(true), &sample));
    assert!(!passes(Kind::Traceable(true), &sample));
}

#[test]
fn filters_combine() {
    use proto::access_log_filter::Both;
    let both = |statuses: [u32; 2]| Both {
        filters: statuses
            .iter()
            .map(|&status| proto::AccessLogFilter {
                kind: Some(Kind::StatusCode(comparison(Op::Eq, status))),
            })
            .collect(),
    };
    let sample = Sample::new();
    assert!(passes(Kind::Or(both([404, 200])), &sample));
    assert!(!passes(Kind::And(both([404, 200])), &sample));
    assert!(passes(Kind::And(both([200, 200])), &sample));
}

#[test]
fn metadata_is_compared_or_taken_as_missing() {
    use proto::access_log_filter::Metadata;
    let rule = |value: &str, missing| {
        Kind::Metadata(Metadata {
            filter: "ns".into(),
            path: vec!["a".into(), "b".into()],
            value_json: value.into(),
            match_if_key_not_found: missing,
            ..Default::default()
        })
    };
    let mut sample = Sample::new();
    assert!(passes(rule("true", true), &sample) && !passes(rule("true", false), &sample));
    sample.info.dynamic_metadata = Some(Box::new(json!({"ns": {"a": {"b": 1.0}}})));
    assert!(passes(rule("1", false), &sample) && !passes(rule("2", true), &sample));
}
