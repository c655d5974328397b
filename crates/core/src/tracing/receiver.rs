//! A service that gets reports by POST.

use std::rc::Rc;

use crate::compile::{At, Result};
use crate::filters::router::client::{Client, NoResponse, Request, Response};
use crate::headers::{HeaderId, Headers};
use crate::http::mutation::HeaderChanges;
use crate::proto;
use crate::worker::Worker;

pub struct HttpReceiver {
    client: Client,
    authority: String,
    path: String,
    headers: HeaderChanges,
}

impl HttpReceiver {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::SpanReceiver) -> Result<Self> {
        let client = message.client.clone().unwrap_or_default();
        Ok(Self {
            client: Client::compile(&client).at("client")?,
            authority: message.authority.clone(),
            path: message.path.clone(),
            headers: HeaderChanges::compile(&message.headers, &[], "headers")?,
        })
    }

    pub async fn post(
        &self,
        worker: &Rc<Worker>,
        content_type: &str,
        body: Vec<u8>,
    ) -> std::result::Result<Response, NoResponse> {
        let mut headers = Headers::new();
        headers.append(HeaderId::Method, b"POST");
        headers.append(HeaderId::Path, self.path.as_bytes());
        headers.append(HeaderId::Authority, self.authority.as_bytes());
        headers.append(HeaderId::ContentType, content_type.as_bytes());
        let request = Request { headers, body, span: None };
        self.client.send_changed(worker, request, &self.headers).await
    }
}
