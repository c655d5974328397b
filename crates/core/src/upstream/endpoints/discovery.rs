//! The DNS names of one cluster, each resolved on a schedule of its own.
//!
//! STRICT_DNS: every address is a host; a name without addresses has no hosts. LOGICAL_DNS: the first
//! address is where new connections go; a name without addresses is a failure. When DNS fails, the last
//! good answer stays.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::{spawn_local, AbortHandle};

use super::resolver::{Answer, Failure, Resolvers, Settings};
use super::schedule::Schedule;
use crate::address::Address;
use crate::proto::{self, address::Kind, DnsFamily};
use crate::random::Random;
use crate::upstream::{ClusterShared, UpdateEvent};

/// One endpoint of the configuration, whose address is a name.
struct Target {
    host: String,
    port: u16,
}

pub(super) struct Discovery {
    shared: Arc<ClusterShared>,
    /// The configuration; its endpoints with a name stand for the addresses of that name.
    template: proto::Endpoints,
    family: DnsFamily,
    settings: Settings,
    targets: Vec<Target>,
    /// By target; none before the first good answer.
    answers: RefCell<Vec<Option<Vec<SocketAddr>>>>,
    on_first: Box<dyn Fn()>,
}

impl Discovery {
    /// `on_first` is called after the first answer, good or bad.
    pub fn new(
        shared: Arc<ClusterShared>,
        template: proto::Endpoints,
        dns: &proto::Dns,
        on_first: Box<dyn Fn()>,
    ) -> Rc<Self> {
        let targets: Vec<_> = names(&template).collect();
        let answers = RefCell::new(targets.iter().map(|_| None).collect());
        Rc::new(Self {
            shared,
            template,
            family: dns.family(),
            settings: Settings::new(dns),
            targets,
            answers,
            on_first,
        })
    }

    /// Starts a task for each name. A cluster without names is resolved at once.
    pub fn start(
        self: Rc<Self>,
        dns: &proto::Dns,
        resolvers: &Rc<Resolvers>,
        random: &Rc<Random>,
    ) -> Vec<AbortHandle> {
        if self.targets.is_empty() {
            self.publish();
            self.settle();
        }
        (0..self.targets.len())
            .map(|target| {
                let run = self.clone().keep_resolving(
                    target,
                    Schedule::new(dns),
                    resolvers.clone(),
                    random.clone(),
                );
                spawn_local(run).abort_handle()
            })
            .collect()
    }

    async fn keep_resolving(
        self: Rc<Self>,
        index: usize,
        mut schedule: Schedule,
        resolvers: Rc<Resolvers>,
        random: Rc<Random>,
    ) {
        loop {
            self.shared.count_update(UpdateEvent::Attempt);
            let Target { host, port } = &self.targets[index];
            let result = resolvers.resolve(host, *port, self.family, &self.settings).await;
            let pause = match self.take(index, result) {
                Ok(answer) => schedule.after_success(answer.ttl, &random),
                Err(_) => schedule.after_failure(&random),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Publishes what one name gave.
    fn take(&self, index: usize, result: Result<Answer, Failure>) -> Result<Answer, Failure> {
        let result = match result {
            Ok(answer) if self.is_logical() && answer.addresses.is_empty() => Err(Failure::empty()),
            other => other,
        };
        match &result {
            Ok(answer) => {
                self.shared.count_update(UpdateEvent::Success);
                self.answers.borrow_mut()[index] = Some(answer.addresses.clone());
                self.publish();
            }
            Err(failure) => {
                let host = &self.targets[index].host;
                crate::log!(Dns, Debug, "cluster {}: {host}: {failure}", self.shared.name());
                self.shared.count_update(UpdateEvent::Failure);
            }
        }
        self.settle();
        result
    }

    fn settle(&self) {
        if !self.shared.resolved() {
            self.shared.set_resolved();
            (self.on_first)();
        }
    }

    fn is_logical(&self) -> bool {
        self.shared.config.discovery == proto::Discovery::LogicalDns
    }

    fn publish(&self) {
        let mut endpoints = self.template.clone();
        let answers = self.answers.borrow();
        let mut answers = answers.iter();
        for locality in &mut endpoints.localities {
            let templates = std::mem::take(&mut locality.endpoints);
            for template in templates {
                match name(&template) {
                    None => locality.endpoints.push(template),
                    Some(target) => {
                        let found = answers.next().cloned().flatten().unwrap_or_default();
                        let hosts = self.hosts(template, &target.host, &found);
                        locality.endpoints.extend(hosts);
                    }
                }
            }
        }
        // Every address is an IP address here, so nothing of it can be refused but what was taken as
        // configuration already.
        let _ = self.shared.set_endpoints(&endpoints);
    }

    /// The endpoints that `template` stands for.
    fn hosts(
        &self,
        mut template: proto::Endpoint,
        name: &str,
        addresses: &[SocketAddr],
    ) -> Vec<proto::Endpoint> {
        if template.hostname.is_empty() {
            template.hostname = name.to_owned();
        }
        let message = |address: &SocketAddr| Address::Ip(*address).to_message();
        let at = |address: &SocketAddr| proto::Endpoint {
            address: Some(message(address)),
            ..template.clone()
        };
        match (self.is_logical(), addresses.split_first()) {
            (true, Some((first, rest))) => vec![proto::Endpoint {
                additional_addresses: rest.iter().map(message).collect(),
                ..at(first)
            }],
            _ => addresses.iter().map(at).collect(),
        }
    }
}

fn names(endpoints: &proto::Endpoints) -> impl Iterator<Item = Target> + '_ {
    endpoints.localities.iter().flat_map(|locality| &locality.endpoints).filter_map(name)
}

/// The name to resolve; none for a unix socket or an internal listener.
fn name(endpoint: &proto::Endpoint) -> Option<Target> {
    match endpoint.address.as_ref()?.kind.as_ref()? {
        Kind::Socket(socket) => {
            Some(Target { host: socket.host.clone(), port: u16::try_from(socket.port).ok()? })
        }
        Kind::Pipe(_) | Kind::Internal(_) => None,
    }
}
