//! Requirements of requests, and fetches of keys from a server of the test's own.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::{TcpListener, TcpStream};

use super::pass_on::Notes;
use super::provider::Provider;
use super::remote::RemoteKeys;
use super::requirement::{Judge, Requirement, Stop};
use crate::clock;
use crate::filters::router::client::tests::run;
use crate::headers::{HeaderId, Headers};
use crate::jwt::{KeySet, Refusal};
use crate::matcher::Regexes;
use crate::proto::jwt_provider::Keys as Source;
use crate::proto::jwt_requirement::{Any, Kind, OfAnyProvider, OfProvider};
use crate::proto::{self, JwtAuthnStat};
use crate::stats::BlockKind;
use crate::upstream::testing::{accept, listen, message, send, shared};
use crate::worker::Worker;

/// RFC 7515, appendix A.1: a token whose time is over, and its key.
const TOKEN: &str =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0\
    dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const KEYS: &str = r#"{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]}"#;
const STATS: u32 = 7;
/// Seconds since 1970, when the token was valid.
const TIME: u64 = 1_300_819_000;

fn remote_message() -> proto::RemoteJwks {
    proto::RemoteJwks {
        client: Some(proto::ServiceClient { cluster: "c".into(), ..Default::default() }),
        scheme: "http".into(),
        authority: "keys".into(),
        path: "/jwks".into(),
        cache_duration_ms: 60_000,
        refetch_after_failure_ms: None,
    }
}

fn remote(message: &proto::RemoteJwks) -> Arc<RemoteKeys> {
    Arc::new(RemoteKeys::compile("p", message, STATS).unwrap())
}

fn provider(name: &str, source: Source) -> proto::JwtProvider {
    proto::JwtProvider {
        name: name.into(),
        headers: vec![proto::JwtHeader { name: format!("x-{name}"), value_prefix: String::new() }],
        failure_key: "why".into(),
        payload_header: "x-payload".into(),
        keys: Some(source),
        ..Default::default()
    }
}

fn of(name: &str) -> proto::JwtRequirement {
    let of = OfProvider { name: name.into(), audiences: Vec::new() };
    proto::JwtRequirement { kind: Some(Kind::Provider(of)) }
}

/// The verdict about a request with the token in this header, when that was valid; what is noted of it; its head.
fn judge(
    requirement: &proto::JwtRequirement,
    providers: &[proto::JwtProvider],
    header: &str,
    fetched: &[(usize, Option<Arc<KeySet>>)],
) -> (Result<(), Stop>, Notes, Headers) {
    let requirement = Requirement::compile(requirement, providers).unwrap();
    let compiled: Vec<_> = providers.iter().map(compile).collect();
    judge_at(TIME, &requirement, &compiled, header, fetched)
}

fn compile(message: &proto::JwtProvider) -> Provider {
    Provider::compile(message, STATS, &Regexes::default()).unwrap()
}

/// The same at a time in seconds since 1970.
fn judge_at(
    time: u64,
    requirement: &Requirement,
    providers: &[Provider],
    header: &str,
    fetched: &[(usize, Option<Arc<KeySet>>)],
) -> (Result<(), Stop>, Notes, Headers) {
    let mut request = Headers::new();
    request.append_raw(header.as_bytes(), TOKEN.as_bytes());
    let mut judge = Judge {
        providers,
        fetched,
        worker: 0,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(time),
        request: &mut request,
        notes: Notes::default(),
    };
    let verdict = judge.judge(requirement);
    let notes = judge.notes;
    (verdict, notes, request)
}

#[test]
fn a_token_is_verified_once_with_the_same_keys_and_judged_each_time() {
    let message = proto::JwtProvider {
        cached_tokens: 2,
        longest_cached_token: 1000,
        ..provider("p", Source::Remote(remote_message()))
    };
    let messages = [message];
    let requirement = Requirement::compile(&of("p"), &messages).unwrap();
    let providers = messages.each_ref().map(compile);
    let verdict = |time, keys: &Arc<KeySet>| {
        let fetched = [(0, Some(keys.clone()))];
        let (verdict, notes, _) = judge_at(time, &requirement, &providers, "x-p", &fetched);
        assert_eq!((notes.cache_hits, notes.cache_misses), (0, 1));
        verdict
    };
    let keys = Arc::new(KeySet::read(KEYS.as_bytes()).unwrap());
    let others = Arc::new(KeySet::read(KEYS.replace("AyM1", "AAAA").as_bytes()).unwrap());
    let known = |keys| providers[0].verified.get(0, TOKEN.as_bytes(), keys).is_some();
    assert_eq!(verdict(TIME, &others), Err(Stop::Refused(Refusal::NotVerified)));
    assert!(!known(&others));
    assert_eq!(verdict(TIME, &keys), Ok(()));
    assert!(known(&keys));
    assert_eq!(verdict(TIME, &keys), Ok(()));
    assert_eq!(verdict(TIME, &others), Err(Stop::Refused(Refusal::NotVerified)));
    assert_eq!(verdict(TIME + 1_000, &keys), Err(Stop::Refused(Refusal::Expired)));
    assert_eq!(judge_at(TIME, &requirement, &providers, "x-p", &[]).0, Err(Stop::NeedsKeys(0)));
}

#[test]
fn a_request_waits_for_keys_only_where_they_decide() {
    let local = || provider("local", Source::Local(KEYS.into()));
    let providers = [local(), provider("remote", Source::Remote(remote_message()))];
    let (verdict, _, request) = judge(&of("local"), &providers, "x-local", &[]);
    assert_eq!(verdict, Ok(()));
    assert!(request.get(HeaderId::Authorization).is_none() && request.len() == 1);
    let missing = Err(Stop::Refused(Refusal::Missing));
    assert_eq!(judge(&of("remote"), &providers, "x-local", &[]).0, missing);
    assert_eq!(judge(&of("remote"), &providers, "x-remote", &[]).0, Err(Stop::NeedsKeys(1)));
    let any = Any { requirements: vec![of("local"), of("remote")], ..Default::default() };
    let any = proto::JwtRequirement { kind: Some(Kind::Any(any)) };
    assert_eq!(judge(&any, &providers, "x-local", &[]).0, Ok(()));
    assert_eq!(judge(&any, &providers, "x-remote", &[]).0, Err(Stop::NeedsKeys(1)));
    let keys = Arc::new(KeySet::read(KEYS.as_bytes()).unwrap());
    assert_eq!(judge(&any, &providers, "x-remote", &[(1, Some(keys))]).0, Ok(()));
    let (verdict, notes, _) = judge(&any, &providers, "x-remote", &[(1, None)]);
    assert_eq!(verdict, Err(Stop::Refused(Refusal::FetchFailed)));
    assert_eq!(notes.metadata.len(), 1);
}

#[test]
fn what_may_fail_does_not_stop_a_request() {
    let wrong = KEYS.replace("AyM1", "AAAA");
    let providers = [provider("p", Source::Local(wrong.into_bytes()))];
    let of_any = |allow_failed| {
        let of = OfAnyProvider { allow_failed, failure_header: "x-failed".into() };
        proto::JwtRequirement { kind: Some(Kind::OfAnyProvider(of)) }
    };
    let (verdict, _, _) = judge(&of_any(false), &providers, "x-p", &[]);
    assert_eq!(verdict, Err(Stop::Refused(Refusal::NotVerified)));
    let (verdict, notes, request) = judge(&of_any(true), &providers, "x-p", &[]);
    assert_eq!(verdict, Ok(()));
    assert_eq!(request.get(&crate::headers::HeaderName::new("x-failed")), Some(&b"false"[..]));
    assert_eq!(notes.metadata[0].1["code"], 26);
    assert_eq!(judge(&of_any(false), &providers, "x-other", &[]).0, Ok(()));
}

/// Answers the next request with this body.
async fn answer(listener: &TcpListener, status: &str, body: &str) -> TcpStream {
    let mut server = accept(listener).await;
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
    send(&mut server, text.as_bytes()).await;
    server
}

fn stat(worker: &Worker, stat: JwtAuthnStat) -> u64 {
    worker.kept_block(STATS, BlockKind::Filter).get(stat)
}

#[test]
fn requests_share_a_fetch_which_goes_on_without_them() {
    run(|worker: Rc<Worker>| async move {
        let (listener, address) = listen().await;
        worker.clusters.set(shared(&message(&[address])));
        let keys = remote(&remote_message());
        let (one, two, gone) = (keys.fetch(&worker), keys.fetch(&worker), keys.fetch(&worker));
        drop(gone);
        let (one, two, _server) = tokio::join!(one, two, answer(&listener, "200 OK", KEYS));
        assert!(Arc::ptr_eq(&one.unwrap(), &two.unwrap()));
        assert!(keys.current(clock::now()).is_some());
        assert!(keys.current(clock::now() + Duration::from_secs(60)).is_none());
        assert_eq!(stat(&worker, JwtAuthnStat::JwtAuthnJwksFetchSuccess), 1);
    });
}

#[test]
fn keys_are_fetched_ahead_until_their_configuration_goes() {
    run(|worker: Rc<Worker>| async move {
        let (listener, address) = listen().await;
        worker.clusters.set(shared(&message(&[address])));
        let keys = remote(&proto::RemoteJwks {
            cache_duration_ms: 1,
            refetch_after_failure_ms: Some(1),
            ..remote_message()
        });
        keys.start(&worker);
        keys.start(&worker);
        drop(answer(&listener, "200 OK", "{").await);
        drop(answer(&listener, "500 No", KEYS).await);
        drop(answer(&listener, "200 OK", KEYS).await);
        // That it comes again tells that the answer before was taken.
        drop(answer(&listener, "200 OK", KEYS).await);
        assert!(keys.current(clock::now() + Duration::from_secs(60)).is_some());
        assert_eq!(stat(&worker, JwtAuthnStat::JwtAuthnJwksFetchFailed), 2);
        let last = Arc::downgrade(&keys);
        drop(keys);
        while last.upgrade().is_some() {
            tokio::select! {
                _ = answer(&listener, "200 OK", KEYS) => {}
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
        }
    });
}

#[test]
fn without_a_cluster_there_are_no_keys() {
    run(|worker: Rc<Worker>| async move {
        assert!(remote(&remote_message()).fetch(&worker).await.is_none());
        assert_eq!(stat(&worker, JwtAuthnStat::JwtAuthnJwksFetchFailed), 1);
    });
}
