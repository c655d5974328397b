//! Checks that connect, and may send and expect bytes.

use super::link::{Link, NoResponse, TcpLink};
use super::payload::Payload;
use super::state::{CheckResult, Failure, FailureType};
use super::target::Target;
use crate::listener::filters::proxy_header::{write_v1, write_v2};
use crate::proto::{self, tcp_health_check::ProxyHeader};
use crate::upstream::socket::Opened;

pub struct TcpCheck {
    send: Vec<u8>,
    expected: Payload,
    proxy_header: ProxyHeader,
}

impl TcpCheck {
    pub fn compile(message: &proto::TcpHealthCheck) -> Self {
        Self {
            send: message.send.clone(),
            expected: Payload::new(&message.receive),
            proxy_header: message.proxy_header(),
        }
    }

    pub async fn run(&self, target: &Target<'_>, link: &mut Option<Link>) -> CheckResult {
        match self.exchange(target, link).await {
            Ok(()) => CheckResult::Passed { degraded: false },
            Err(_) => CheckResult::Failed(Failure::of(FailureType::Network)),
        }
    }

    async fn exchange(
        &self,
        target: &Target<'_>,
        link: &mut Option<Link>,
    ) -> Result<(), NoResponse> {
        let mut send = Vec::new();
        let mut used = match link.take() {
            Some(Link::Tcp(used)) => used,
            _ => {
                let opened =
                    Box::pin(target.connect()).await.map_err(|_| NoResponse::Connection)?;
                send = self.proxy_header(target, &opened);
                TcpLink::new(opened.transport)
            }
        };
        if self.expected.is_empty() {
            return Ok(());
        }
        send.extend_from_slice(&self.send);
        used.exchange(&send, &self.expected).await?;
        if target.check.settings.reuse_connection {
            *link = Some(Link::Tcp(used));
        }
        Ok(())
    }

    /// What a connection begins with.
    fn proxy_header(&self, target: &Target<'_>, opened: &Opened) -> Vec<u8> {
        match self.proxy_header {
            ProxyHeader::NoHeader => Vec::new(),
            ProxyHeader::Version1 => {
                let local = opened.local.as_ref().and_then(|local| local.ip());
                write_v1(local.zip(target.address().ip()))
            }
            ProxyHeader::Version2 => write_v2(None, &[]).unwrap_or_default(),
        }
    }
}
