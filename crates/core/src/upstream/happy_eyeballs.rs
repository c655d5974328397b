//! Connecting to a host with several addresses: the next one is tried when one fails or does not answer
//! soon, and the first that answers is taken (RFC 8305).

use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::socket::{self, ConnectOptions, Opened, SocketError};
use super::Host;
use crate::address::Address;
use crate::timer::Timers;

/// How long an attempt has before the next begins beside it (RFC 8305 section 5, Envoy's value).
const ATTEMPT_DELAY: Duration = Duration::from_millis(300);

type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Opened, SocketError>> + 'a>>;

/// Connects to the first address that answers; the caller limits the time.
///
/// # Errors
/// The failure of the attempt that failed last, when all did.
pub async fn connect(
    host: &Host,
    options: &ConnectOptions,
    timers: &Rc<Timers>,
) -> Result<Opened, SocketError> {
    if host.additional_addresses.is_empty() {
        return socket::connect(&host.address, options).await;
    }
    let timer = timers.timer();
    let mut addresses = alternate(host).into_iter();
    let mut attempts: Vec<Attempt<'_>> = Vec::new();
    let mut next_at = Instant::now();
    let mut failure = None;
    poll_fn(|cx| loop {
        let running = attempts.len();
        let mut index = 0;
        while let Some(attempt) = attempts.get_mut(index) {
            match attempt.as_mut().poll(cx) {
                Poll::Ready(Ok(opened)) => return Poll::Ready(Ok(opened)),
                Poll::Ready(Err(error)) => {
                    failure = Some(error);
                    drop(attempts.remove(index));
                }
                Poll::Pending => index += 1,
            }
        }
        let one_failed = attempts.len() < running;
        if !one_failed && timer.poll(cx, Some(next_at)).is_pending() {
            return Poll::Pending;
        }
        match (addresses.next(), failure.take()) {
            (Some(address), _) => {
                attempts.push(Box::pin(socket::connect(address, options)));
                next_at = Instant::now() + ATTEMPT_DELAY;
            }
            (None, Some(failure)) if attempts.is_empty() => return Poll::Ready(Err(failure)),
            (None, _) => return Poll::Pending,
        }
    })
    .await
}

/// The addresses with their families taking turns, beginning with the family of the first.
fn alternate(host: &Host) -> Vec<&Address> {
    let all = || std::iter::once(&host.address).chain(host.additional_addresses.iter());
    let is_v4 = |address: &Address| address.ip().is_some_and(|ip| ip.is_ipv4());
    let first = is_v4(&host.address);
    let mut same = all().filter(|address| is_v4(address) == first);
    let mut other = all().filter(|address| is_v4(address) != first);
    let mut ordered = Vec::new();
    loop {
        let before = ordered.len();
        ordered.extend(same.next());
        ordered.extend(other.next());
        if ordered.len() == before {
            return ordered;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::{alternate, connect};
    use crate::upstream::socket::{ConnectOptions, SocketError};
    use crate::upstream::testing::{listen, run};
    use crate::upstream::Host;

    fn host(addresses: &[SocketAddr]) -> Host {
        let mut host = Host::new(addresses[0].into(), "".into(), Arc::default(), 0);
        host.additional_addresses = addresses[1..].iter().map(|a| (*a).into()).collect();
        host
    }

    #[test]
    fn families_take_turns() {
        let texts = ["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"];
        let addresses: Vec<SocketAddr> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let host = host(&addresses);
        let ordered: Vec<_> = alternate(&host).iter().map(|address| address.to_string()).collect();
        assert_eq!(ordered, ["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "[::3]:1"]);
    }

    #[test]
    fn the_next_address_is_tried_when_one_fails() {
        run(|upstream| async move {
            let (gone, refused) = listen().await;
            drop(gone);
            let (_listener, address) = listen().await;
            let options = ConnectOptions::default();
            let good = connect(&host(&[refused, address]), &options, &upstream.timers).await;
            assert!(good.is_ok());
            let bad = connect(&host(&[refused, refused]), &options, &upstream.timers).await;
            assert!(matches!(bad.err(), Some(SocketError::Remote(_))));
        });
    }
}
