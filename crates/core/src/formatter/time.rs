//! START_TIME and EMIT_TIME, in UTC or local time, with strftime formats.
//! <https://en.cppreference.com/w/cpp/io/manip/put_time>, with %f for fractions of a second and %s for
//! seconds since 1970.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{FormatContext, Rendered};
use crate::compile::Result;

mod civil;
mod directive;

pub use civil::{Civil, Zone};
use directive::Directive;

/// Which moment is meant.
#[derive(Clone, Copy)]
enum Moment {
    Start,
    Emit,
    Certificate(Peer, Bound),
}

/// Whose certificate is meant.
#[derive(Clone, Copy)]
pub enum Peer {
    Downstream,
    Upstream,
}

/// Which end of a certificate's validity is meant.
#[derive(Clone, Copy)]
pub enum Bound {
    Start,
    End,
}

/// A moment and how it is written.
pub struct TimeOf {
    moment: Moment,
    local: bool,
    /// Empty for the default, `2026-01-02T03:04:05.678Z`.
    directives: Vec<Directive>,
}

impl TimeOf {
    pub fn start(format: &str, local: bool) -> Result<Self> {
        Self::compile(Moment::Start, format, local)
    }

    pub fn emit(format: &str, local: bool) -> Result<Self> {
        Self::compile(Moment::Emit, format, local)
    }

    pub fn certificate(peer: Peer, bound: Bound, format: &str) -> Result<Self> {
        Self::compile(Moment::Certificate(peer, bound), format, false)
    }

    fn compile(moment: Moment, format: &str, local: bool) -> Result<Self> {
        let directives = match (format, local) {
            ("", false) => Vec::new(),
            ("", true) => directive::parse("%Y-%m-%dT%H:%M:%E3S%z")?,
            _ => directive::parse(format)?,
        };
        Ok(Self { moment, local, directives })
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        let time = match self.moment {
            Moment::Start => context.info.start_wall,
            Moment::Emit => SystemTime::now(),
            Moment::Certificate(peer, bound) => match bound_of(context, peer, bound) {
                Some(time) => time,
                None => return Rendered::Absent,
            },
        };
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs() as i64;
        let zone = if self.local { Zone::local(seconds) } else { Zone::Utc };
        let civil = Civil::new(seconds, since.subsec_nanos(), zone);
        match self.directives.is_empty() {
            true => civil.push_iso(out),
            false => self.directives.iter().for_each(|directive| directive.render(&civil, out)),
        }
        Rendered::Text
    }
}

/// `2026-01-02T03:04:05.678Z`.
pub fn iso(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut text = Vec::with_capacity(24);
    Civil::new(since.as_secs() as i64, since.subsec_nanos(), Zone::Utc).push_iso(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn bound_of(context: &FormatContext<'_>, peer: Peer, bound: Bound) -> Option<SystemTime> {
    let tls = match peer {
        Peer::Downstream => context.info.connection.tls.as_ref(),
        Peer::Upstream => context.info.upstream.tls.as_ref(),
    };
    let facts = &tls?.peer()?.facts;
    Some(match bound {
        Bound::Start => facts.not_before,
        Bound::End => facts.not_after,
    })
}
