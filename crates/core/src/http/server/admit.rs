//! The connection manager's own checks of a request, whatever protocol it came by.

use crate::filters;
use crate::formatter::LogType;
use crate::headers::HeaderId;
use crate::http::downstream::Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::manager::request::{prepare, prepare_again, Refusal, RefusalKind};
use crate::http::request_id;
use crate::http::stream::{count_class, Answer, Stream};
use crate::overload::Point;
use crate::proto::{HttpStat, ProcessStat};
use crate::timer::Timer;

/// Admits a request and passes it through the filters. An answer, if its response was not written.
pub async fn answer(
    stream: &mut Stream,
    down: &mut dyn Downstream,
    timer: &Timer,
) -> Option<Answer> {
    let admitted = admit(stream, down);
    pass(stream, down, timer, admitted).await
}

/// The same for a request that follows a redirect.
pub async fn answer_again(
    stream: &mut Stream,
    down: &mut dyn Downstream,
    timer: &Timer,
) -> Option<Answer> {
    let admitted = admit_again(stream);
    pass(stream, down, timer, admitted).await
}

async fn pass(
    stream: &mut Stream,
    down: &mut dyn Downstream,
    timer: &Timer,
    admitted: Result<(), Answer>,
) -> Option<Answer> {
    if let Err(answer) = admitted {
        return Some(answer);
    }
    if stream.manager.config.log_on_new_request {
        stream.log(LogType::DownstreamStart);
    }
    filters::run(stream, down, timer).await
}

/// Prepares a request to be routed; an answer when it is not to be.
fn admit(stream: &mut Stream, down: &mut dyn Downstream) -> Result<(), Answer> {
    turn_away(stream)?;
    let config = stream.manager.config.clone();
    if stream.head.expect_continue && !config.proxy_100_continue {
        stream.request.remove(HeaderId::Expect);
        down.send_continue();
        count_class(&stream.manager, 100);
    }
    let worker = stream.worker.clone();
    let head = stream.head;
    let prepared = prepare(&config, &mut stream.request, &head, &mut stream.info, &worker.random)
        .map_err(|refusal| refuse(stream, refusal))?;
    stream.internal = prepared.internal;
    let dropped = prepared.dropped_underscores;
    if dropped > 0 {
        let stat = match stream.is_http2() {
            true => ProcessStat::ProcessHttp2DroppedHeadersWithUnderscores,
            false => ProcessStat::ProcessHttp1DroppedHeadersWithUnderscores,
        };
        worker.process.add(stat, dropped);
    }
    if let Some(id) = stream.request.get(HeaderId::XRequestId) {
        stream.random = request_id::stable_random(id).unwrap_or(stream.random);
    }
    Ok(())
}

fn admit_again(stream: &mut Stream) -> Result<(), Answer> {
    turn_away(stream)?;
    let config = stream.manager.config.clone();
    prepare_again(&config, &mut stream.request, &stream.head, &stream.info)
        .map_err(|refusal| refuse(stream, refusal))
}

/// Turns a request away where resources are short.
fn turn_away(stream: &mut Stream) -> Result<(), Answer> {
    if !is_shed(stream) {
        return Ok(());
    }
    stream.manager.block.inc(HttpStat::HttpDownstreamRqOverloadClose);
    Err(shed(stream))
}

/// Resources are short.
fn is_shed(stream: &Stream) -> bool {
    let overload = &stream.manager.overload;
    overload.sheds(Point::HttpConnectionManagerDecodeHeaders)
        || overload.sheds(Point::StopAcceptingRequests)
}

/// The answer to one that is. No filter sees it.
fn shed(stream: &mut Stream) -> Answer {
    stream.bodies.get_or_insert_default().begin_response(true);
    let answer = Answer::new(503, "envoy overloaded", "overload");
    match stream.manager.config.append_local_overload {
        true => answer.header(HeaderId::XEnvoyLocalOverloaded, "true"),
        false => answer,
    }
}

fn refuse(stream: &mut Stream, refusal: Refusal) -> Answer {
    let block = &stream.manager.block;
    match refusal.reason {
        RefusalKind::NonRelativePath => block.inc(HttpStat::HttpDownstreamRqNonRelativePath),
        RefusalKind::PathNormalization => {
            block.inc(HttpStat::HttpDownstreamRqFailedPathNormalization);
        }
        RefusalKind::PathRedirect => {
            block.inc(HttpStat::HttpDownstreamRqRedirectedWithNormalizedPath);
        }
        RefusalKind::Underscore => {
            let stat = ProcessStat::ProcessHttp1RequestsRejectedWithUnderscoresInHeaders;
            stream.worker.process.inc(stat);
            block.inc(HttpStat::HttpDownstreamCxProtocolError);
            stream.request.clear();
            stream.request_done = None;
            return Answer::new(400, "Bad Request", refusal.details)
                .flag(ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR);
        }
        RefusalKind::Protocol => {}
    }
    let answer = Answer::new(refusal.status, "", refusal.details);
    match refusal.location {
        Some(location) => answer.header(HeaderId::Location, location),
        None => answer,
    }
}
