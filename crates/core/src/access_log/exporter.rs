//! Records in requests of OTLP, over gRPC or HTTP.
//! <https://opentelemetry.io/docs/specs/otlp/>

use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use crate::compile::{At, CompileError, Result};
use crate::filters::router::client::{Client, GrpcClient, Request};
use crate::headers::{HeaderId, Headers};
use crate::http::mutation::HeaderChanges;
use crate::proto::open_telemetry_access_log::exporter::Service as Message;
use crate::proto::{self, LogServiceStat};
use crate::stats::Block;
use crate::telemetry::batch::{Batch, Receiver};
use crate::worker::Worker;

const METHOD: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// Bytes of requests that may be on their way before the service counts as slow.
const ON_THE_WAY: usize = 1 << 20;

/// `resource_logs` of the request, `resource` and `scope_logs` of these.
const RESOURCE_LOGS: u32 = 1;
const RESOURCE: u32 = 1;
const SCOPE_LOGS: u32 = 2;

/// Of the records in `scope_logs`.
pub const LOG_RECORD: u32 = 2;

pub struct Exporter {
    service: Service,
    /// Serialized.
    resource: Vec<u8>,
}

enum Service {
    Grpc(GrpcClient),
    Http { client: Client, head: Headers, changes: HeaderChanges },
}

impl Exporter {
    /// # Errors
    /// A client or a header that cannot be.
    pub fn compile(message: &proto::open_telemetry_access_log::Exporter) -> Result<Self> {
        let service = match &message.service {
            Some(Message::Grpc(grpc)) => Service::Grpc(GrpcClient::compile(grpc).at("grpc")?),
            Some(Message::Http(http)) => Service::http(http).at("http")?,
            None => return Err(CompileError::new("no service")),
        };
        Ok(Self { service, resource: message.resource.clone() })
    }

    pub fn receiver(
        self: &Arc<Self>,
        worker: &Rc<Worker>,
        block: &Arc<Block>,
    ) -> Box<dyn Receiver> {
        Box::new(Exporting {
            exporter: self.clone(),
            worker: Rc::downgrade(worker),
            block: block.clone(),
            on_the_way: Rc::default(),
        })
    }

    /// An ExportLogsServiceRequest.
    fn request(&self, records: &Vec<u8>) -> Vec<u8> {
        let mut logs = Vec::with_capacity(self.resource.len() + records.len() + 16);
        prost::encoding::bytes::encode(RESOURCE, &self.resource, &mut logs);
        prost::encoding::bytes::encode(SCOPE_LOGS, records, &mut logs);
        let mut request = Vec::with_capacity(logs.len() + 8);
        prost::encoding::bytes::encode(RESOURCE_LOGS, &logs, &mut request);
        request
    }

    /// True when the service has taken the request.
    async fn export(&self, worker: &Rc<Worker>, body: Vec<u8>) -> bool {
        match &self.service {
            Service::Grpc(client) => client.call_alone(worker, METHOD, &body).await.is_ok(),
            Service::Http { client, head, changes } => {
                let request = Request { headers: head.clone(), body, span: None };
                let response = client.send_changed(worker, request, changes).await;
                response.is_ok_and(|response| response.status == 200)
            }
        }
    }
}

impl Service {
    fn http(message: &proto::OtlpHttpService) -> Result<Self> {
        let mut head = Headers::new();
        head.append(HeaderId::Method, b"POST");
        head.append(HeaderId::Path, message.path.as_bytes());
        head.append(HeaderId::Authority, message.authority.as_bytes());
        head.append(HeaderId::ContentType, b"application/x-protobuf");
        head.append(HeaderId::UserAgent, message.user_agent.as_bytes());
        let client = message.client.clone().unwrap_or_default();
        Ok(Self::Http {
            client: Client::compile(&client).at("client")?,
            head,
            changes: HeaderChanges::compile(&message.headers, &[], "headers")?,
        })
    }
}

/// The requests of one worker.
struct Exporting {
    exporter: Arc<Exporter>,
    worker: Weak<Worker>,
    block: Arc<Block>,
    on_the_way: Rc<Cell<usize>>,
}

impl Receiver for Exporting {
    fn send(&self, batch: Batch) -> std::result::Result<(), Batch> {
        let Some(worker) = self.worker.upgrade() else { return Err(batch) };
        if self.on_the_way.get() >= ON_THE_WAY {
            return Err(batch);
        }
        let body = self.exporter.request(&batch.bytes);
        let (length, on_the_way) = (body.len(), self.on_the_way.clone());
        let (exporter, block) = (self.exporter.clone(), self.block.clone());
        on_the_way.set(on_the_way.get() + length);
        let delivery = worker.deliveries.begin();
        crate::sys::spawn_here(async move {
            let stat = match exporter.export(&worker, body).await {
                true => LogServiceStat::LogServiceLogsWritten,
                false => LogServiceStat::LogServiceLogsDropped,
            };
            block.add(stat, batch.items);
            on_the_way.set(on_the_way.get() - length);
            drop(delivery);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Exporter, Service};
    use crate::proto::{self, OtlpHttpService};

    #[test]
    fn a_request_holds_the_resource_and_the_records() {
        let client = proto::ServiceClient { cluster: "c".into(), ..Default::default() };
        let http =
            OtlpHttpService { client: Some(client), path: "/v1".into(), ..Default::default() };
        let service = Service::http(&http).unwrap();
        let exporter = Exporter { service, resource: b"ab".to_vec() };
        let logs = [10, 2, b'a', b'b', 18, 1, b'r'];
        assert_eq!(exporter.request(&b"r".to_vec()), [&[10, 7][..], &logs].concat());
    }

    #[test]
    fn without_a_service_there_is_no_exporter() {
        assert!(Exporter::compile(&Default::default()).is_err());
    }
}
